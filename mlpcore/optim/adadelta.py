"""Adadelta."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mlpcore.kernels.reference.optimizers import adadelta
from mlpcore.kernels.reference.typing import Array, Namespace

from .base import SMALLEST_EPS, Optimizer, at_least, fraction


@dataclass(frozen=True)
class Adadelta(Optimizer):
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
        adadelta(
            xp,
            p,
            g,
            state["v"],
            state["u"],
            lr=self.lr if lr is None else float(lr),
            rho=self.rho,
            eps=self.eps,
        )
