"""RAdam."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from mlpcore.kernels.reference.optimizers import radam
from mlpcore.kernels.reference.typing import Array, Namespace

from .base import Optimizer, at_least, counted, settings_of_means


@dataclass(frozen=True)
class RAdam(Optimizer):
    """Adam that uses its second mean only once that is well known (arXiv:1908.03265).

    Attributes
    ----------
    lr : float, default 0.001
        The learning rate.
    beta1, beta2 : float, default 0.9 and 0.999
        The shares of the two running means that stay from step to step, in [0, 1).
    eps : float, default 1e-8
        What is added to the root of the second mean, before that is corrected; at least 2**-126.
    weight_decay : float, default 0
        λ: a step takes ηλ times each weight away from it, η being the learning rate.

    Raises
    ------
    ValueError
        If a setting is out of range.

    Notes
    -----
    With the default β₂ the first five steps are those of momentum, and as large as the gradient.

    Biases and the parameters of normalisation do not decay: whoever takes a step knows which these
    are, and steps them by `exempt`.  `update` alone lets all of its vector decay.
    """

    kind: ClassVar[str] = "radam"

    lr: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        settings_of_means(self)
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
        radam(
            xp,
            p,
            g,
            state["m"],
            state["v"],
            lr=self.lr if lr is None else float(lr),
            beta1=self.beta1,
            beta2=self.beta2,
            eps=self.eps,
            weight_decay=self.weight_decay,
            step=counted(step),
        )
