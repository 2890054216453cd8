r"""The absolute error.

.. math::
    l = |z-t|, \qquad dz = \operatorname{sign}(z-t)

Where z = t every number in [-1, 1] is a subgradient; 0 is taken, so that a perfect fit stays put.
The minimiser is the median of t given x
(I. Goodfellow, Y. Bengio and A. Courville, "Deep Learning" (2016), section 6.2.1.2).
"""

from ..typing import Array, Namespace
from .function import LossFunction


def absolute_error(xp: Namespace, z: Array, t: Array) -> tuple[Array, Array]:
    """Return l and dz for predictions `z` and targets `t`, all in the shape of `z`."""
    d = z - t
    return xp.abs(d), xp.sign(d)


ABSOLUTE_ERROR = LossFunction(absolute_error, expects="values")
