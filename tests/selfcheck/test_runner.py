"""Each check has its outcome, and none keeps the next from running."""

import pytest

from mlpcore.device import Device
from mlpcore.selfcheck import Check, Place, run
from mlpcore.selfcheck.table import HEADING, line, summary

PLACE = Place(Device("cpu"), "float32")


def passes(place, findings):
    findings.within("z", 1.0, 1.5, 1.0)


def falls_back(place, findings):
    findings.within("z", 1.0, 1.0, 0.0)
    findings.fell_back("cuBLASLt has no algorithm")


def is_wrong(place, findings):
    findings.fell_back("no kernels")
    findings.within("z", 3.0, 1.0, 1.0)


def raises(place, findings):
    raise RuntimeError("CUDA_ERROR_ILLEGAL_ADDRESS")


def compares_nothing(place, findings):
    pass


@pytest.mark.parametrize(
    ("function", "status", "worst", "reason"),
    [
        (passes, "passed", 0.5, ""),
        (falls_back, "fell back", 0.0, "cuBLASLt has no algorithm"),
        (is_wrong, "failed", 2.0, "z: 3, expected 1 within 1"),
        (raises, "failed", 0.0, "RuntimeError: CUDA_ERROR_ILLEGAL_ADDRESS"),
        (compares_nothing, "failed", 0.0, "nothing was compared"),
    ],
)
def test_outcomes(function, status, worst, reason):
    (outcome,) = run(PLACE, [Check("it", function)])
    assert (outcome.status, outcome.worst, outcome.reason) == (status, worst, reason)
    assert outcome.dtype == "float32"
    first, *rest = line(outcome).splitlines()
    assert status in first
    assert [text.strip() for text in rest] == [reason] * bool(reason)


def test_all_are_run_and_counted():
    functions = (raises, passes, is_wrong, falls_back, passes)
    outcomes = list(run(PLACE, [Check(f.__name__, f) for f in functions]))
    assert [outcome.check for outcome in outcomes] == [f.__name__ for f in functions]
    counts, *meanings = summary(outcomes).splitlines()
    assert counts.startswith("2 passed, 1 fell back, 2 failed, ")
    assert [meaning.split(":")[0] for meaning in meanings] == ["fell back", "failed"]


def test_what_passed_needs_no_explanation():
    outcomes = list(run(PLACE, [Check("it", passes)]))
    assert len(summary(outcomes).splitlines()) == 1


def test_the_columns_stand_below_their_headings():
    (outcome,) = run(PLACE, [Check("it", passes)])
    assert HEADING.index("result") == line(outcome).index("passed")


def test_an_infinite_error_is_no_number_in_json():
    def undefined(place, findings):
        findings.within("z", float("nan"), 1.0, 1.0)

    (outcome,) = run(PLACE, [Check("it", undefined)])
    assert outcome.as_dict()["worst"] is None
