r"""Piecewise linear functions with one kink at zero, and the identity.

.. math::
    \operatorname{relu}(z) = \max(z, 0), \qquad
    \operatorname{leaky\_relu}(z) = \max(z, 0) + s \min(z, 0)

relu: V. Nair and G. E. Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML
2010.  leaky_relu: A. L. Maas, A. Y. Hannun and A. Y. Ng, "Rectifier nonlinearities improve neural
network acoustic models", ICML 2013, with s = 0.01.
"""

from ..typing import Array, Namespace
from .function import ActivationFunction


def _identity(xp: Namespace, z: Array) -> Array:  # noqa: ARG001
    return +z  # a copy, so that nobody who writes into the result changes the input


def _identity_derivative(xp: Namespace, z: Array, a: Array) -> Array:  # noqa: ARG001
    return xp.ones_like(z)


def _identity_product(xp: Namespace, z: Array, a: Array, da: Array) -> Array:  # noqa: ARG001
    return +da


def _relu(xp: Namespace, z: Array) -> Array:
    return xp.maximum(z, 0.0)  # NaN stays, by the array API standard


def _relu_derivative(xp: Namespace, z: Array, a: Array) -> Array:
    return xp.where(z > 0, 1.0, a)  # elsewhere a is 0, or the NaN that z is


def _relu_product(xp: Namespace, z: Array, a: Array, da: Array) -> Array:
    return xp.where(z > 0, da, a)  # rather than da * f'(z): 0 * inf would be NaN


def _leaky_relu(xp: Namespace, z: Array, slope: float = 0.01) -> Array:
    return xp.where(z > 0, z, slope * z)


def _leaky_relu_derivative(xp: Namespace, z: Array, a: Array, slope: float = 0.01) -> Array:  # noqa: ARG001
    return xp.where(z > 0, 1.0, xp.where(z <= 0, slope, z))


IDENTITY = ActivationFunction("identity", _identity, _identity_derivative, _identity_product)
RELU = ActivationFunction("relu", _relu, _relu_derivative, _relu_product)
LEAKY_RELU = ActivationFunction(
    "leaky_relu", _leaky_relu, _leaky_relu_derivative, defaults={"slope": 0.01}
)
