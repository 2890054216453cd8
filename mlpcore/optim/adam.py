"""Adam."""

from dataclasses import dataclass
from typing import ClassVar

from mlpcore.kernels.reference.optimizers import adam

from .means import OfMeans


@dataclass(frozen=True)
class Adam(OfMeans):
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
    _formula = staticmethod(adam)

    lr: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
