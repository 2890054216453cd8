r"""The logistic function and what is made of it.

With :math:`e = e^{-|z|}`, which never overflows, σ(z) is 1/(1 + e) for z >= 0 and e/(1 + e) below.

.. math::
    \sigma(z) = \frac{1}{1 + e^{-z}}, \qquad \sigma'(z) = \sigma(z) \sigma(-z) = \frac{e}{(1 + e)^2}

.. math::
    \operatorname{softplus}(z) = \log(1 + e^z) = \max(z, 0) + \log(1 + e), \qquad
    \operatorname{softplus}'(z) = \sigma(z)

.. math::
    \operatorname{silu}(z) = z \sigma(z), \qquad
    \operatorname{silu}'(z) = \sigma(z) (1 + z \sigma(-z))

softplus: C. Dugas et al., NIPS 2000.  silu: S. Elfwing, E. Uchibe and K. Doya, arXiv:1702.03118.
"""

from ..typing import Array, Namespace
from .function import ActivationFunction

# exp(-1000) is zero in double precision, so beyond ±1000 the functions have their limits.  A factor
# z is held within, where an infinite z would meet that zero and give NaN instead of the limit.
_SATURATED = 1000.0


def sigmoid(xp: Namespace, z: Array) -> Array:
    """Return σ(z), with full relative accuracy in both tails."""
    e = xp.exp(-xp.abs(z))
    return xp.where(z >= 0, 1.0, e) / (1.0 + e)


def sigmoid_derivative(xp: Namespace, z: Array) -> Array:
    """Return σ'(z); a (1 - a) would have no digits left where a is near 1."""
    e = xp.exp(-xp.abs(z))
    return e / ((1.0 + e) * (1.0 + e))


def _sigmoid_derivative(xp: Namespace, z: Array, a: Array) -> Array:  # noqa: ARG001
    return sigmoid_derivative(xp, z)


def _softplus(xp: Namespace, z: Array) -> Array:
    return xp.maximum(z, 0.0) + xp.log1p(xp.exp(-xp.abs(z)))


def _softplus_derivative(xp: Namespace, z: Array, a: Array) -> Array:  # noqa: ARG001
    return sigmoid(xp, z)


def _silu(xp: Namespace, z: Array) -> Array:
    return xp.maximum(z, -_SATURATED) * sigmoid(xp, z)


def _silu_derivative(xp: Namespace, z: Array, a: Array) -> Array:  # noqa: ARG001
    z = xp.minimum(xp.maximum(z, -_SATURATED), _SATURATED)
    return sigmoid(xp, z) * (1.0 + z * sigmoid(xp, -z))


SIGMOID = ActivationFunction("sigmoid", sigmoid, _sigmoid_derivative)
SOFTPLUS = ActivationFunction("softplus", _softplus, _softplus_derivative)
SILU = ActivationFunction("silu", _silu, _silu_derivative)
