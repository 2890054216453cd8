"""Adadelta."""

from dataclasses import dataclass
from typing import ClassVar

from mlpcore.kernels.reference.optimizers import adadelta

from .base import SMALLEST_EPS, at_least, fraction
from .formula import ByFormula


@dataclass(frozen=True)
class Adadelta(ByFormula):
    """Steps as large as the steps before, scaled by the gradient (arXiv:1212.5701).

    Attributes
    ----------
    lr : float, default 1
        A factor of each step; the paper has none.
    rho : float, default 0.9
        The share of the two running means that stays from step to step, in [0, 1).
    eps : float, default 1e-6
        What is added below both roots, and so what the first steps are made of; at least 2**-126.

    Raises
    ------
    ValueError
        If a setting is out of range.
    """

    kind: ClassVar[str] = "adadelta"
    _formula = staticmethod(adadelta)

    lr: float = 1.0
    rho: float = 0.9
    eps: float = 1e-6

    def __post_init__(self) -> None:
        super().__post_init__()
        fraction(self, "rho")
        at_least(self, "eps", SMALLEST_EPS)

    @property
    def state_names(self) -> tuple[str, ...]:
        """The running means of the squared gradient and of the squared step."""
        return ("v", "u")
