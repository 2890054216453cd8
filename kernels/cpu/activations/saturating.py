r"""Odd functions that level off at ±1.

.. math::
    \tanh'(z) = 4 \sigma'(2 z), \qquad
    \operatorname{softsign}(z) = \frac{z}{1 + |z|},\quad
    \operatorname{softsign}'(z) = \frac{1}{(1 + |z|)^2}

1 - a² would have no digits left where tanh is near ±1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..math.hyperbolic import tanh
from ..math.logistic import sigmoid_derivative
from .function import ActivationEmitter

if TYPE_CHECKING:
    from ..codegen.values import Real

_LARGE = 1e30  # 1 + |z| rounds to |z| long before


def _tanh_product(z: Real, da: Real) -> Real:
    return da * (sigmoid_derivative(z + z) * 4.0)


def _softsign(z: Real) -> Real:
    z = z.above(-_LARGE).below(_LARGE)  # not inf / inf, which is NaN
    return z / (z.abs() + 1.0)


def _softsign_product(z: Real, da: Real) -> Real:
    s = 1.0 / (z.abs() + 1.0)
    return da * (s * s)  # rather than 1 / (1 + |z|)², which overflows


TANH = ActivationEmitter("tanh", tanh, _tanh_product)
SOFTSIGN = ActivationEmitter("softsign", _softsign, _softsign_product)
