"""Adam."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mlpcore.kernels.reference.optimizers import adam
from mlpcore.kernels.reference.typing import Array, Namespace

from .base import Optimizer, counted, settings_of_means


@dataclass(frozen=True)
class Adam(Optimizer):
    """Steps scaled by running means of the gradient and of its square (arXiv:1412.6980).

    Attributes
    ----------
    lr : float, default 0.001
        The learning rate.
    beta1, beta2 : float, default 0.9 and 0.999
        The shares of the two running means that stay from step to step, in [0, 1).
    eps : float, default 1e-8
        What is added to the root of the second mean; at least 2**-126.

    Raises
    ------
    ValueError
        If a setting is out of range.

    Notes
    -----
    A running mean below the smallest normal number becomes zero, which it would else never reach;
    likewise the velocity of `SGD`.
    """

    kind: ClassVar[str] = "adam"

    lr: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        settings_of_means(self)

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
        adam(
            xp,
            p,
            g,
            state["m"],
            state["v"],
            lr=self.lr if lr is None else float(lr),
            beta1=self.beta1,
            beta2=self.beta2,
            eps=self.eps,
            step=counted(step),
        )
