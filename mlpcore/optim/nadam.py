"""NAdam."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from mlpcore.kernels.reference.optimizers import nadam
from mlpcore.kernels.reference.typing import Array, Namespace

from .base import Optimizer, at_least, counted, settings_of_means


@dataclass(frozen=True)
class NAdam(Optimizer):
    """Adam that looks ahead along its running mean (T. Dozat, ICLR 2016 workshop).

    Attributes
    ----------
    lr : float, default 0.002
        The learning rate.
    beta1, beta2 : float, default 0.9 and 0.999
        The shares of the two running means that stay from step to step, in [0, 1).
    eps : float, default 1e-8
        What is added to the root of the second mean; at least 2**-126.
    momentum_decay : float, default 0.004
        ψ: the momentum of step t is β₁ (1 - 0.96^(ψt) / 2), about half of β₁ at first; at least 0.
    weight_decay : float, default 0
        λ: a step takes ηλ times each weight away from it, η being the learning rate.

    Raises
    ------
    ValueError
        If a setting is out of range.

    Notes
    -----
    Biases and the parameters of normalisation do not decay: whoever takes a step knows which these
    are, and steps them by `exempt`.  `update` alone lets all of its vector decay.
    """

    kind: ClassVar[str] = "nadam"

    lr: float = 2e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    momentum_decay: float = 4e-3
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        settings_of_means(self)
        at_least(self, "momentum_decay", 0.0)
        at_least(self, "weight_decay", 0.0)

    @property
    def state_names(self) -> tuple[str, ...]:
        """The running means of the gradient and of its square."""
        return ("m", "v")

    @property
    def exempt(self) -> Optimizer:
        """The same without the decay."""
        return replace(self, weight_decay=0.0) if self.weight_decay else self

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
        nadam(
            xp,
            p,
            g,
            state["m"],
            state["v"],
            lr=self.lr if lr is None else float(lr),
            beta1=self.beta1,
            beta2=self.beta2,
            eps=self.eps,
            momentum_decay=self.momentum_decay,
            weight_decay=self.weight_decay,
            step=counted(step),
        )
