r"""Piecewise stand-ins for sigmoid and SiLU that need no exponential.

.. math::
    \operatorname{hard\_sigmoid}(z) = \min(\max(z + 3, 0), 6) / 6, \qquad
    \operatorname{hard\_swish}(z) = z \operatorname{hard\_sigmoid}(z)

A. Howard et al., "Searching for MobileNetV3", arXiv:1905.02244, section 5.2.
"""

from ..typing import Array, Namespace
from .function import ActivationFunction


def _hard_sigmoid(xp: Namespace, z: Array) -> Array:
    return xp.minimum(xp.maximum(z + 3.0, 0.0), 6.0) / 6.0


def _pieces(
    xp: Namespace, z: Array, below: float, middle: Array | float, above: Array | float
) -> Array:
    """Return `below` for z <= -3, `middle` for -3 < z <= 3, `above` for z > 3, and NaN for NaN."""
    return xp.where(z <= -3, below, xp.where(z <= 3, middle, xp.where(z > 3, above, z)))


def _hard_sigmoid_derivative(xp: Namespace, z: Array, a: Array) -> Array:  # noqa: ARG001
    return _pieces(xp, z, 0.0, 1.0 / 6.0, 0.0)


def _hard_sigmoid_product(xp: Namespace, z: Array, a: Array, da: Array) -> Array:  # noqa: ARG001
    return _pieces(xp, z, 0.0, da / 6.0, 0.0)


def _hard_swish(xp: Namespace, z: Array) -> Array:
    return xp.maximum(z, -3.0) * _hard_sigmoid(xp, z)  # not -inf * 0, which is NaN


def _hard_swish_derivative(xp: Namespace, z: Array, a: Array) -> Array:  # noqa: ARG001
    return _pieces(xp, z, 0.0, (z + 1.5) / 3.0, 1.0)


def _hard_swish_product(xp: Namespace, z: Array, a: Array, da: Array) -> Array:  # noqa: ARG001
    return _pieces(xp, z, 0.0, da * ((z + 1.5) / 3.0), da)


HARD_SIGMOID = ActivationFunction(
    "hard_sigmoid", _hard_sigmoid, _hard_sigmoid_derivative, _hard_sigmoid_product
)
HARD_SWISH = ActivationFunction(
    "hard_swish", _hard_swish, _hard_swish_derivative, _hard_swish_product
)
