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

from math import log, pi, sqrt
from typing import TYPE_CHECKING

from ..math.exponential import exp2
from ..math.logistic import tails
from ..math.normal import density, magnitude, power, ratio
from ..math.polynomial import table
from .function import ActivationEmitter

if TYPE_CHECKING:
    from ..codegen.values import Real

_CUBIC = 0.044715
_TWICE_ROOT = 2.0 * sqrt(2.0 / pi)
# Between them σ(v) is neither zero nor one, rounded; beyond, z itself may be anything.
_RANGE = {"float32": (-10.8, 6.0), "float64": (-21.6, 8.0)}
_SATURATED = 40.0  # beyond, σ(v) and σ'(v) have their limits in double precision


def _gelu(z: Real) -> Real:
    x = magnitude(z)
    # -0 below zero: what is added to it is a zero of either sign where the tail has vanished.
    return (x * power(x)).fma(-ratio(x), z.above(-0.0))


def _gelu_product(z: Real, da: Real) -> Real:
    x = magnitude(z)
    power_of_x = power(x)
    tail = power_of_x * ratio(x)
    cdf: Real = (z > 0.0).select(1.0 - tail, tail)
    return da * density(x, power_of_x).fma(x.copysign(z), cdf)


def _angle(z: Real, cubic: float, unit: float = 1.0) -> Real:
    """Return 2 √(2/π) (1 + cubic z²) / unit."""
    return (z * z).fma(_TWICE_ROOT / unit * cubic, _TWICE_ROOT / unit)


def _gelu_tanh(z: Real) -> Real:
    low, high = table(_RANGE, z)
    vanishes = z <= low
    z = z.above(low)
    held = z.below(high)
    e = exp2(held * _angle(held, _CUBIC, log(2.0)), vanishes)
    return z * (e / (e + 1.0))


def _gelu_tanh_product(z: Real, da: Real) -> Real:
    z = z.above(-_SATURATED).below(_SATURATED)
    lower, upper = tails(z * _angle(z, _CUBIC))
    slope = _angle(z, 3.0 * _CUBIC)
    # σ(v) + z σ(v) σ(-v) v'
    return da * lower.fma(upper * (z * slope), lower)


GELU = ActivationEmitter("gelu", _gelu, _gelu_product)
GELU_TANH = ActivationEmitter("gelu_tanh", _gelu_tanh, _gelu_tanh_product)
