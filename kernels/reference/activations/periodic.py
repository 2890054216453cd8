r"""The sine of a scaled argument, :math:`a = \sin(\omega z)`, :math:`a' = \omega \cos(\omega z)`.

V. Sitzmann et al., "Implicit neural representations with periodic activation functions",
arXiv:2006.09661, where ω = 30.
"""

from ..typing import Array, Namespace
from .function import ActivationFunction


def _angle(xp: Namespace, z: Array, omega: float) -> Array:
    """Return ω z, or z where the product overflows.

    Neighbouring floats of that size are many periods apart, so no sine is truer than another; but a
    finite input must not give NaN, which is the sine of infinity.
    """
    angle = omega * z
    return xp.where(xp.isinf(angle), z, angle)


def _sin(xp: Namespace, z: Array, omega: float = 1.0) -> Array:
    return xp.sin(_angle(xp, z, omega))


def _sin_derivative(xp: Namespace, z: Array, a: Array, omega: float = 1.0) -> Array:  # noqa: ARG001
    return omega * xp.cos(_angle(xp, z, omega))


SIN = ActivationFunction(
    "sin",
    _sin,
    _sin_derivative,
    defaults={"omega": 1.0},
    positive=("omega",),  # its initialiser divides by it
)
