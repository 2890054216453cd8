r"""The squared error.

.. math::
    l = (z-t)^2, \qquad dz = 2\,(z-t)

It is without the factor 1/2 that some texts put before it
(I. Goodfellow, Y. Bengio and A. Courville, "Deep Learning" (2016), section 5.1.4).
"""

from ..typing import Array, Namespace
from .function import LossFunction


def squared_error(xp: Namespace, z: Array, t: Array) -> tuple[Array, Array]:  # noqa: ARG001
    """Return l and dz for predictions `z` and targets `t`, all in the shape of `z`."""
    d = z - t
    return d * d, 2 * d


SQUARED_ERROR = LossFunction(squared_error, expects="values")
