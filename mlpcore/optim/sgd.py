"""Stochastic gradient descent with optional momentum."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mlpcore.kernels.reference.optimizers import sgd, sgd_momentum
from mlpcore.kernels.reference.typing import Array, Namespace

from .base import Optimizer, fraction


@dataclass(frozen=True)
class SGD(Optimizer):
    """Gradient descent, plain, with momentum, or with Nesterov's momentum.

    Attributes
    ----------
    lr : float, default 0.01
        The learning rate.
    momentum : float, default 0
        The share of the velocity that stays from step to step, in [0, 1).
    nesterov : bool, default False
        Whether the step looks ahead along the velocity.

    Raises
    ------
    ValueError
        If a setting is out of range, or `nesterov` is asked for without momentum.
    """

    kind: ClassVar[str] = "sgd"

    lr: float = 1e-2
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        fraction(self, "momentum")
        if not isinstance(self.nesterov, bool):
            raise TypeError(f"nesterov must be True or False, got {self.nesterov!r}")
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs a momentum above 0, got 0")

    @property
    def state_names(self) -> tuple[str, ...]:
        """The velocity, if there is momentum."""
        return ("v",) if self.momentum > 0 else ()

    @np.errstate(all="ignore")
    def update(
        self,
        xp: Namespace,  # noqa: ARG002
        p: Array,
        g: Array,
        state: Mapping[str, Array],
        step: int,  # noqa: ARG002
        lr: float | None = None,
    ) -> None:
        """Take one step, in place; see `Optimizer.update`."""
        lr = self.lr if lr is None else float(lr)
        if self.momentum > 0:
            sgd_momentum(p, g, state["v"], lr=lr, momentum=self.momentum, nesterov=self.nesterov)
        else:
            sgd(p, g, lr=lr)
