"""Lion."""

from dataclasses import dataclass
from typing import ClassVar

from mlpcore.kernels.reference.optimizers import lion

from .base import fraction
from .decoupled import Decoupled
from .formula import ByFormula


@dataclass(frozen=True)
class Lion(Decoupled, ByFormula):
    """Steps of one length, along the signs of a running mean (arXiv:2302.06675).

    Attributes
    ----------
    lr : float, default 0.0001
        The learning rate.
    beta1 : float, default 0.9
        The share of the running mean in what gives the signs, in [0, 1).
    beta2 : float, default 0.99
        The share of the running mean that stays from step to step, in [0, 1).
    weight_decay : float, default 0
        λ: a step takes ηλ times each weight away from it, η being the learning rate.

    Raises
    ------
    ValueError
        If a setting is out of range.

    Notes
    -----
    Each parameter moves by the whole learning rate, so that it is chosen 3 to 10 times smaller than
    Adam's, and `weight_decay` as much larger: so the paper's authors advise.

    Biases and the parameters of normalisation do not decay: whoever takes a step knows which these
    are, and steps them by `exempt`.  `update` alone lets all of its vector decay.
    """

    kind: ClassVar[str] = "lion"
    _formula = staticmethod(lion)

    lr: float = 1e-4
    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        fraction(self, "beta1")
        fraction(self, "beta2")

    @property
    def state_names(self) -> tuple[str, ...]:
        """The running mean of the gradient."""
        return ("m",)
