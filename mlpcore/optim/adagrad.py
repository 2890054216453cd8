"""Adagrad."""

from dataclasses import dataclass
from typing import ClassVar

from mlpcore.kernels.reference.optimizers import adagrad

from .base import SMALLEST_EPS, at_least
from .formula import ByFormula


@dataclass(frozen=True)
class Adagrad(ByFormula):
    """Steps divided by the root of all squared gradients so far (JMLR 12, 2011).

    Attributes
    ----------
    lr : float, default 0.01
        The learning rate.
    eps : float, default 1e-10
        What is added to the root of the sum; at least 2**-126.
    initial : float, default 0
        What the sum of squares begins with; at least 0.

    Raises
    ------
    ValueError
        If a setting is out of range.
    """

    kind: ClassVar[str] = "adagrad"
    _formula = staticmethod(adagrad)

    lr: float = 1e-2
    eps: float = 1e-10
    initial: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, "eps", SMALLEST_EPS)
        at_least(self, "initial", 0.0)

    @property
    def state_names(self) -> tuple[str, ...]:
        """The sum of the squared gradients."""
        return ("v",)
