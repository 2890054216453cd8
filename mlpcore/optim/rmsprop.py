"""RMSprop."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mlpcore.kernels.reference.optimizers import rmsprop
from mlpcore.kernels.reference.typing import Array, Namespace

from .base import SMALLEST_EPS, Optimizer, at_least, fraction


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """Steps divided by the root of a running mean of squared gradients (Hinton, 2012).

    Attributes
    ----------
    lr : float, default 0.01
        The learning rate.
    alpha : float, default 0.99
        The share of the running mean that stays from step to step, in [0, 1).
    eps : float, default 1e-8
        What is added to the root; at least 2**-126.
    momentum : float, default 0
        The share of the velocity that stays from step to step, in [0, 1).
    centered : bool, default False
        Whether to divide by the root of the variance of the gradient in place of that of its mean
        square (arXiv:1308.0850).

    Raises
    ------
    ValueError
        If a setting is out of range.
    TypeError
        If `centered` is not True or False.

    Notes
    -----
    Centered and with momentum, it remembers three vectors, for which there is no kernel: each step
    then takes several passes over them.
    """

    kind: ClassVar[str] = "rmsprop"

    lr: float = 1e-2
    alpha: float = 0.99
    eps: float = 1e-8
    momentum: float = 0.0
    centered: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        fraction(self, "alpha")
        at_least(self, "eps", SMALLEST_EPS)
        fraction(self, "momentum")
        if not isinstance(self.centered, bool):
            raise TypeError(f"centered must be True or False, got {self.centered!r}")

    @property
    def state_names(self) -> tuple[str, ...]:
        """The mean square v, the mean m if it is centered, the velocity b if there is momentum."""
        return ("v",) + ("m",) * self.centered + ("b",) * (self.momentum > 0)

    @np.errstate(all="ignore")
    def update(
        self,
        xp: Namespace,
        p: Array,
        g: Array,
        state: Mapping[str, Array],
        step: int,  # noqa: ARG002
        lr: float | None = None,
    ) -> None:
        """Take one step, in place; see `Optimizer.update`."""
        rmsprop(
            xp,
            p,
            g,
            state["v"],
            lr=self.lr if lr is None else float(lr),
            alpha=self.alpha,
            eps=self.eps,
            m=state.get("m"),
            b=state.get("b"),
            momentum=self.momentum,
        )
