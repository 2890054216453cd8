r"""The Gaussian error linear unit, exact and with the tanh in place of the error function.

.. math::
    \operatorname{gelu}(z) = z \Phi(z) = \max(z, 0) - |z| \Phi(-|z|), \qquad
    \operatorname{gelu}'(z) = \Phi(z) + z \varphi(z)

.. math::
    \operatorname{gelu\_tanh}(z) = z \sigma(v), \qquad
    v = 2 \sqrt{2/\pi} \, (z + 0.044715 z^3)

v is rounded, which the exponential turns into a relative error of about |v| units in the last place
in the lower tail of gelu_tanh, where its values are below 1e-3.
"""

from __future__ import annotations

from math import pi, sqrt
from typing import TYPE_CHECKING

from ..math.logistic import sigmoid, tails
from ..math.normal import density_of, gaussian, magnitude, ratio
from .function import ActivationEmitter

if TYPE_CHECKING:
    from ..codegen.values import Real

_CUBIC = 0.044715
_TWICE_ROOT = 2.0 * sqrt(2.0 / pi)
_SATURATED = 40.0  # beyond, σ(v) and σ'(v) have their limits in double precision


def _gelu(z: Real) -> Real:
    x = magnitude(z)
    tail = gaussian(x) * ratio(x)
    return (-x).fma(tail, z.above(0.0))


def _gelu_product(z: Real, da: Real) -> Real:
    x = magnitude(z)
    gauss = gaussian(x)
    tail = gauss * ratio(x)
    cdf: Real = (z > 0.0).select(1.0 - tail, tail)
    return da * density_of(gauss).fma(x.copysign(z), cdf)


def _held(z: Real) -> Real:
    return z.above(-_SATURATED).below(_SATURATED)


def _angle(z: Real, cubic: float) -> Real:
    """Return 2 √(2/π) (1 + cubic z²)."""
    return (z * z).fma(_TWICE_ROOT * cubic, _TWICE_ROOT)


def _gelu_tanh(z: Real) -> Real:
    held = _held(z)
    return z.above(-_SATURATED) * sigmoid(held * _angle(held, _CUBIC))


def _gelu_tanh_product(z: Real, da: Real) -> Real:
    z = _held(z)
    lower, upper = tails(z * _angle(z, _CUBIC))
    slope = _angle(z, 3.0 * _CUBIC)
    # σ(v) + z σ(v) σ(-v) v'
    return da * lower.fma(upper * (z * slope), lower)


GELU = ActivationEmitter("gelu", _gelu, _gelu_product)
GELU_TANH = ActivationEmitter("gelu_tanh", _gelu_tanh, _gelu_tanh_product)
