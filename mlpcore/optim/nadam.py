"""NAdam."""

from dataclasses import dataclass
from typing import ClassVar

from mlpcore.kernels.reference.optimizers import nadam

from .base import at_least
from .decoupled import Decoupled
from .means import OfMeans


@dataclass(frozen=True)
class NAdam(Decoupled, OfMeans):
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
    _formula = staticmethod(nadam)

    lr: float = 2e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    momentum_decay: float = 4e-3
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, "momentum_decay", 0.0)
