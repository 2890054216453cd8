"""How a check ended."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

Status: TypeAlias = Literal["passed", "fell back", "failed"]


@dataclass(frozen=True)
class Outcome:
    """One row of the table.

    Attributes
    ----------
    check : str
        What was checked.
    dtype : str
        In which dtype.
    status : {"passed", "fell back", "failed"}
        ``"fell back"``: every result is right, but not everything was computed by the kernel that
        is meant for it.
    seconds : float
        How long it took, with the compilation of kernels.
    worst : float
        The largest error as a fraction of its bound, at most 1 unless it failed.
    compared : int
        How many numbers were compared.
    reason : str
        Why it fell back or what failed, else empty.
    """

    check: str
    dtype: str
    status: Status
    seconds: float
    worst: float
    compared: int
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON, which has no infinity."""
        values = asdict(self)
        return values | {"worst": self.worst if self.worst < float("inf") else None}
