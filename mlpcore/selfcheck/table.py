"""The table that a person reads, line by line, since a check may take a while."""

from collections.abc import Sequence

from mlpcore.selfcheck.outcome import Outcome

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


def summary(outcomes: Sequence[Outcome]) -> str:
    """Return the last line: how many checks passed, fell back and failed."""
    counts = {
        status: sum(outcome.status == status for outcome in outcomes)
        for status in ("passed", "fell back", "failed")
    }
    seconds = sum(outcome.seconds for outcome in outcomes)
    said = ", ".join(f"{count} {status}" for status, count in counts.items())
    return f"{said}, {seconds:.1f} s"
