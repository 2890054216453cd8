"""What Adam and its relatives have in common."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import ClassVar

import numpy as np

from mlpcore.kernels.reference.typing import Array, Namespace

from .base import SMALLEST_EPS, Optimizer, at_least, counted, fraction


class OfMeans(Optimizer):
    """Steps by running means of the gradient and of its square; a subclass is a dataclass.

    Attributes
    ----------
    beta1, beta2 : float
        The shares of the two running means that stay from step to step, in [0, 1).
    eps : float
        What is added to the root of the second mean; at least 2**-126.
    """

    _formula: ClassVar[Callable[..., None]]
    """The function of `kernels.reference.optimizers`, which takes the settings by their names."""

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

    @np.errstate(all="ignore")
    def update(
        self,
        xp: Namespace,
        p: Array,
        g: Array,
        state: Mapping[str, Array],
        step: int,
        lr: float | None = None,
    ) -> None:
        """Take one step, in place; see `Optimizer.update`."""
        settings = {field.name: getattr(self, field.name) for field in fields(self)}
        if lr is not None:
            settings["lr"] = float(lr)
        self._formula(xp, p, g, state["m"], state["v"], **settings, step=counted(step))
