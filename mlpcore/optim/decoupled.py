"""A weight decay that is no part of the gradient (arXiv:1711.05101)."""

from dataclasses import replace
from typing import Self

from .base import Optimizer, at_least


class Decoupled(Optimizer):
    """An optimizer that takes ηλ times each weight away from it; a subclass is a dataclass.

    Attributes
    ----------
    weight_decay : float
        λ, at least 0.
    """

    weight_decay: float

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, "weight_decay", 0.0)

    @property
    def exempt(self) -> Self:
        """The same without the decay."""
        without = {"weight_decay": 0.0}
        return replace(self, **without) if self.weight_decay else self
