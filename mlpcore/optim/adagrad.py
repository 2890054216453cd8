"""Adagrad."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mlpcore.kernels.reference.optimizers import adagrad
from mlpcore.kernels.reference.typing import Array, Namespace

from .base import SMALLEST_EPS, Optimizer, at_least


@dataclass(frozen=True)
class Adagrad(Optimizer):
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
        adagrad(
            xp,
            p,
            g,
            state["v"],
            lr=self.lr if lr is None else float(lr),
            eps=self.eps,
            initial=self.initial,
        )
