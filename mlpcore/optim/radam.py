"""RAdam."""

from dataclasses import dataclass
from typing import ClassVar

from mlpcore.kernels.reference.optimizers import radam

from .decoupled import Decoupled
from .means import OfMeans


@dataclass(frozen=True)
class RAdam(Decoupled, OfMeans):
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
    _formula = staticmethod(radam)

    lr: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0
