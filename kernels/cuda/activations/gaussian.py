r"""The Gaussian error linear unit, exact and with the tanh in place of the error function.

.. math::
    \operatorname{gelu}(z) = z \Phi(z), \qquad \operatorname{gelu}'(z) = \Phi(z) + z \varphi(z)

.. math::
    \operatorname{gelu\_tanh}(z) = z \sigma(v), \qquad
    v = 2 \sqrt{2/\pi} \, (z + 0.044715 z^3)

v is rounded, which the exponential turns into a relative error of about |v| units in the last place
in the lower tail of gelu_tanh, where its values are below 1e-3.
"""

from __future__ import annotations

from math import exp, pi, sqrt

from ..formulas import fused, normal_cdf
from .function import ActivationFormula
from .held import above, held
from .logistic import sigmoid, sigmoid_derivative

_CUBIC = 0.044715
_SLOPE_CUBIC = 3.0 * 0.044715
_TWICE_ROOT = 2.0 * sqrt(2.0 / pi)
_DENSITY_AT_0 = 1.0 / sqrt(2.0 * pi)

# Beyond ±40 in double precision Φ and σ(v) are 0 or 1 and their derivatives 0.  A factor z is held
# within, where an infinite z would meet that zero and give NaN instead of the limit.
_SATURATED = 40.0


def _normal_pdf(z: float) -> float:
    """Return φ(z); what rounding z² loses, up to 50 units in the last place of φ, is put back."""
    square = z * z
    lost = fused(z, z, -square)
    e = exp(-0.5 * square)
    return _DENSITY_AT_0 * (e - 0.5 * lost * e)


def _gelu(z: float) -> float:
    return above(z, -_SATURATED) * normal_cdf(z)


def _gelu_product(z: float, da: float) -> float:
    z = held(z, _SATURATED)
    return da * (normal_cdf(z) + z * _normal_pdf(z))


def _v(z: float) -> float:
    return _TWICE_ROOT * z * (1.0 + _CUBIC * z * z)


def _gelu_tanh(z: float) -> float:
    return above(z, -_SATURATED) * sigmoid(_v(held(z, _SATURATED)))


def _gelu_tanh_product(z: float, da: float) -> float:
    z = held(z, _SATURATED)
    v = _v(z)
    slope = _TWICE_ROOT * (1.0 + _SLOPE_CUBIC * z * z)
    return da * (sigmoid(v) + z * sigmoid_derivative(v) * slope)


GELU = ActivationFormula("gelu", _gelu, _gelu_product)
GELU_TANH = ActivationFormula("gelu_tanh", _gelu_tanh, _gelu_tanh_product)
