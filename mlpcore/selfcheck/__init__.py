"""Checks of an installed mlpcore on the machine that it runs on, against float64 NumPy.

`run` goes through a list of checks, each a function ``check(place, findings)`` in a file named for
what it checks.  A check computes on the device through the calls that a user makes, computes the
same in float64 with NumPy, and compares the two with a bound that follows from the roundings, which
`mlpcore.selfcheck.bounds` derives.  Nothing here needs more than the package itself.
"""

from mlpcore.selfcheck.checks import Check, checks
from mlpcore.selfcheck.findings import Findings
from mlpcore.selfcheck.outcome import Outcome
from mlpcore.selfcheck.place import Place
from mlpcore.selfcheck.report import report
from mlpcore.selfcheck.runner import run
from mlpcore.selfcheck.table import line, summary

__all__ = [
    "Check",
    "Findings",
    "Outcome",
    "Place",
    "checks",
    "line",
    "report",
    "run",
    "summary",
]
