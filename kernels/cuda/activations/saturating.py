r"""Odd functions that level off at ±1.

.. math::
    \tanh'(z) = 4 \sigma'(2 z), \qquad
    \operatorname{softsign}(z) = \frac{z}{1 + |z|},\quad
    \operatorname{softsign}'(z) = \frac{1}{(1 + |z|)^2}

1 - a² would have no digits left where tanh is near ±1.
"""

from __future__ import annotations

from math import tanh

from .function import ActivationFormula
from .held import below, held
from .logistic import sigmoid_derivative

# 1 + |z| rounds to |z| long before, and the largest float is beyond in both precisions.
_LARGE = 1e30


def _tanh(z: float) -> float:
    return tanh(z)


def _tanh_product(z: float, da: float) -> float:
    return da * (4.0 * sigmoid_derivative(2.0 * below(abs(z), _LARGE)))


def _softsign(z: float) -> float:
    z = held(z, _LARGE)  # not inf / inf, which is NaN
    return z / (1.0 + abs(z))


def _softsign_product(z: float, da: float) -> float:
    s = 1.0 / (1.0 + abs(z))
    return da * (s * s)  # rather than 1 / (1 + |z|)², which overflows


TANH = ActivationFormula("tanh", _tanh, _tanh_product)
SOFTSIGN = ActivationFormula("softsign", _softsign, _softsign_product)
