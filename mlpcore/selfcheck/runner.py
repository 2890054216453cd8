"""Running checks one after the other: whatever one of them does, the next has its turn."""

import time
from collections.abc import Iterable, Iterator

import numpy as np

from mlpcore.selfcheck.checks import Check
from mlpcore.selfcheck.findings import Findings, WrongResultError
from mlpcore.selfcheck.outcome import Outcome, Status
from mlpcore.selfcheck.place import Place


def run(place: Place, checks: Iterable[Check]) -> Iterator[Outcome]:
    """Run `checks` and yield the outcome of each as soon as it is known.

    Parameters
    ----------
    place : Place
        The device and the dtype.
    checks : iterable of Check
        What to run, as from `mlpcore.selfcheck.checks`.

    Yields
    ------
    Outcome
        One for each check; an exception that a check raises is a failure of that check.
    """
    for check in checks:
        yield _run_one(place, check)


def _run_one(place: Place, check: Check) -> Outcome:
    findings = Findings()
    start = time.perf_counter()
    status: Status
    try:
        with np.errstate(all="ignore"):
            check.run(place, findings)
        if findings.compared == 0:
            raise WrongResultError("nothing was compared")
        status, reason = "passed", ""
        if findings.reasons:
            status, reason = "fell back", "; ".join(findings.reasons)
    except WrongResultError as error:
        status, reason = "failed", str(error)
    except Exception as error:  # a driver, a compiler or a library may raise anything
        status, reason = "failed", f"{type(error).__name__}: {error}"
    seconds = time.perf_counter() - start
    worst, compared = findings.worst, findings.compared
    return Outcome(check.name, place.dtype, status, seconds, worst, compared, reason)
