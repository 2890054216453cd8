r"""The logistic function and what is made of it.

.. math::
    \sigma(z) = \frac{1}{1 + e^{-z}}, \qquad \sigma'(z) = \sigma(z) \sigma(-z)

.. math::
    \operatorname{softplus}(z) = \max(z, 0) + \log(1 + e^{-|z|}), \qquad
    \operatorname{softplus}'(z) = \sigma(z)

.. math::
    \operatorname{silu}(z) = z \sigma(z), \qquad
    \operatorname{silu}'(z) = \sigma(z) (1 + z \sigma(-z))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..math.exponential import exp_of_negative
from ..math.logarithm import log1p_of_unit
from ..math.logistic import sigmoid, sigmoid_derivative, tails
from .function import ActivationEmitter

if TYPE_CHECKING:
    from ..codegen.values import Real

_SATURATED = 1000.0  # beyond, σ and σ' have their limits in double precision


def _sigmoid_product(z: Real, da: Real) -> Real:
    return da * sigmoid_derivative(z)


def _softplus(z: Real) -> Real:
    return z.above(0.0) + log1p_of_unit(exp_of_negative(-z.abs()))


def _softplus_product(z: Real, da: Real) -> Real:
    return da * sigmoid(z)


def _silu(z: Real) -> Real:
    return z.above(-_SATURATED) * sigmoid(z)  # not -inf * 0, which is NaN


def _silu_product(z: Real, da: Real) -> Real:
    z = z.above(-_SATURATED).below(_SATURATED)
    value, rest = tails(z)
    return da * value.fma(z * rest, value)


SIGMOID = ActivationEmitter("sigmoid", sigmoid, _sigmoid_product)
SOFTPLUS = ActivationEmitter("softplus", _softplus, _softplus_product)
SILU = ActivationEmitter("silu", _silu, _silu_product)
