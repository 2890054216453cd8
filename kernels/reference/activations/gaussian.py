r"""The Gaussian error linear unit, exact and with the tanh in place of the error function.

.. math::
    \operatorname{gelu}(z) = z \Phi(z), \qquad \operatorname{gelu}'(z) = \Phi(z) + z \varphi(z)

.. math::
    \operatorname{gelu\_tanh}(z) = \frac{z}{2} (1 + \tanh u) = z \sigma(2 u), \qquad
    u = \sqrt{2/\pi} \, (z + 0.044715 z^3)

D. Hendrycks and K. Gimpel, "Gaussian error linear units (GELUs)", arXiv:1606.08415.  Written with
σ, the lower tail of the second keeps the digits that 1 + tanh u loses.
"""

from math import pi, sqrt

from ..erf import normal_cdf, normal_pdf
from ..typing import Array, Namespace
from .function import ActivationFunction
from .logistic import sigmoid, sigmoid_derivative

_CUBIC = 0.044715
_TWICE_ROOT = 2.0 * sqrt(2.0 / pi)

# Beyond ±40 in double precision Φ and σ(2u) are 0 or 1 and their derivatives 0.  A factor z is held
# within, where an infinite z would meet that zero and give NaN instead of the limit.
_SATURATED = 40.0


def _held(xp: Namespace, z: Array) -> Array:
    return xp.minimum(xp.maximum(z, -_SATURATED), _SATURATED)


def _gelu(xp: Namespace, z: Array) -> Array:
    return xp.maximum(z, -_SATURATED) * normal_cdf(xp, z)


def _gelu_derivative(xp: Namespace, z: Array, a: Array) -> Array:  # noqa: ARG001
    return normal_cdf(xp, z) + _held(xp, z) * normal_pdf(xp, z)


def _twice_u(xp: Namespace, z: Array) -> Array:
    z = _held(xp, z)
    return _TWICE_ROOT * z * (1.0 + _CUBIC * z * z)


def _gelu_tanh(xp: Namespace, z: Array) -> Array:
    return xp.maximum(z, -_SATURATED) * sigmoid(xp, _twice_u(xp, z))


def _gelu_tanh_derivative(xp: Namespace, z: Array, a: Array) -> Array:  # noqa: ARG001
    z = _held(xp, z)
    v = _twice_u(xp, z)
    slope = _TWICE_ROOT * (1.0 + 3.0 * _CUBIC * z * z)
    return sigmoid(xp, v) + z * sigmoid_derivative(xp, v) * slope


GELU = ActivationFunction("gelu", _gelu, _gelu_derivative)
GELU_TANH = ActivationFunction("gelu_tanh", _gelu_tanh, _gelu_tanh_derivative)
