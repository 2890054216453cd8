r"""Odd functions that level off at ±1.

.. math::
    \tanh'(z) = \frac{4 e}{(1 + e)^2},\quad e = e^{-2|z|}, \qquad
    \operatorname{softsign}(z) = \frac{z}{1 + |z|},\quad
    \operatorname{softsign}'(z) = \frac{1}{(1 + |z|)^2}

1 - a² would have no digits left where tanh is near ±1.  softsign: J. Bergstra, G. Desjardins, P.
Lamblin and Y. Bengio, "Quadratic polynomials learn better image features" (2009).
"""

from ..typing import Array, Namespace
from .function import ActivationFunction
from .logistic import sigmoid_derivative

_LARGE = (
    1e30  # 1 + |z| rounds to |z| long before, and the largest float is beyond in both precisions
)


def _tanh(xp: Namespace, z: Array) -> Array:
    return xp.tanh(z)


def _tanh_derivative(xp: Namespace, z: Array, a: Array) -> Array:  # noqa: ARG001
    return 4.0 * sigmoid_derivative(xp, 2.0 * xp.minimum(xp.abs(z), _LARGE))


def _softsign(xp: Namespace, z: Array) -> Array:
    z = xp.minimum(xp.maximum(z, -_LARGE), _LARGE)  # not inf / inf, which is NaN
    return z / (1.0 + xp.abs(z))


def _softsign_derivative(xp: Namespace, z: Array, a: Array) -> Array:  # noqa: ARG001
    s = 1.0 / (1.0 + xp.abs(z))
    return s * s  # rather than 1 / (1 + |z|)², which overflows


TANH = ActivationFunction("tanh", _tanh, _tanh_derivative)
SOFTSIGN = ActivationFunction("softsign", _softsign, _softsign_derivative)
