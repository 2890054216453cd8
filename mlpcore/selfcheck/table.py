"""The table that a person reads, line by line, since a check may take a while."""

from collections.abc import Mapping, Sequence

from mlpcore.selfcheck.outcome import Outcome, Status

HEADING = f"{'check':<38}{'dtype':<9}{'result':<11}{'time':>8}  error / bound"


def line(outcome: Outcome) -> str:
    """Return the line of one check; a reason follows on a line of its own."""
    text = (
        f"{outcome.check:<38}{outcome.dtype:<9}{outcome.status:<11}{outcome.seconds:>6.2f} s"
        f"  {outcome.worst:.3f}"
    )
    if not outcome.reason:
        return text
    return "\n".join([text, *(f"    {part}" for part in outcome.reason.splitlines())])


_STATUSES: tuple[Status, ...] = ("passed", "fell back", "failed")
_MEANINGS: Mapping[Status, str] = {
    "fell back": "every number lies within its bound, but some were computed in another, often "
    "slower way; why stands below the row",
    "failed": "a number is wrong, or an error kept it from being computed; which stands below the "
    "row, and --report FILE writes all of it for a bug report",
}


def summary(outcomes: Sequence[Outcome]) -> str:
    """Return the last lines: how many checks passed, fell back and failed; what these mean."""
    counts: dict[Status, int] = {
        status: sum(outcome.status == status for outcome in outcomes) for status in _STATUSES
    }
    seconds = sum(outcome.seconds for outcome in outcomes)
    said = ", ".join(f"{count} {status}" for status, count in counts.items())
    meant = [f"{status}: {meaning}" for status, meaning in _MEANINGS.items() if counts[status]]
    return "\n".join([f"{said}, {seconds:.1f} s", *meant])
