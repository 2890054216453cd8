"""What Adam and its relatives have in common."""

from typing import Any

from .base import SMALLEST_EPS, at_least, counted, fraction
from .formula import ByFormula


class OfMeans(ByFormula):
    """Steps by running means of the gradient and of its square; a subclass is a dataclass.

    Attributes
    ----------
    beta1, beta2 : float
        The shares of the two running means that stay from step to step, in [0, 1).
    eps : float
        What is added to the root of the second mean; at least 2**-126.
    """

    beta1: float
    beta2: float
    eps: float

    def __post_init__(self) -> None:
        super().__post_init__()
        fraction(self, "beta1")
        fraction(self, "beta2")
        at_least(self, "eps", SMALLEST_EPS)

    @property
    def state_names(self) -> tuple[str, ...]:
        """The running means of the gradient and of its square."""
        return ("m", "v")

    def _settings(self, step: int) -> dict[str, Any]:
        return super()._settings(step) | {"step": counted(step)}
