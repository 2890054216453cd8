r"""Numbers brought to mean 0 and variance 1 along one axis, and the derivative of that.

With m numbers x along the axis,

.. math::
    \mu = \frac1m \sum x, \quad \sigma^2 = \frac1m \sum (x - \mu)^2, \quad
    n = \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}}

and, since every x moves :math:`\mu` and :math:`\sigma^2` too, with :math:`dn` the gradient of n,

.. math::
    dx = \frac{dn - \frac1m \sum dn - n \, \frac1m \sum dn \cdot n}{\sqrt{\sigma^2 + \varepsilon}}

(S. Ioffe and C. Szegedy, arXiv:1502.03167, section 3, collected into one line.)  Along the rows of
a batch it is batch normalisation, along the features of a sample layer normalisation.
"""

from typing import NamedTuple

from .typing import Array, Namespace


class Normalized(NamedTuple):
    """What `normalize` returns.

    Attributes
    ----------
    normal : Array
        n, in the shape of x.
    inverse : Array
        1 / √(σ² + ε), with the axis of length 1.
    mean, variance : Array
        μ and σ², with the axis of length 1.
    """

    normal: Array
    inverse: Array
    mean: Array
    variance: Array


def normalize(xp: Namespace, x: Array, axis: int, eps: float) -> Normalized:
    """Return n with the statistics that it was computed from.

    The variance is that of the differences from the mean: ⟨x²⟩ - μ² would lose all its digits where
    the mean is large.
    """
    mean = xp.mean(x, axis=axis, keepdims=True)
    centred = x - mean
    variance = xp.mean(centred * centred, axis=axis, keepdims=True)
    inverse = 1.0 / xp.sqrt(variance + eps)
    return Normalized(centred * inverse, inverse, mean, variance)


def normalize_backward(xp: Namespace, normal: Array, inverse: Array, dn: Array, axis: int) -> Array:
    """Return dx for the gradient `dn` of n, both in the shape of x."""
    mean = xp.mean(dn, axis=axis, keepdims=True)
    along = xp.mean(dn * normal, axis=axis, keepdims=True)
    return (dn - mean - normal * along) * inverse
