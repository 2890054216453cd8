r"""The sine of a scaled argument.

.. math::
    a = \sin(\omega z), \qquad a' = \omega \cos(\omega z)
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from ..math.trigonometric import cos, sin
from .function import ActivationEmitter

if TYPE_CHECKING:
    from ..codegen.values import Real


def _angle(z: Real, omega: Real) -> Real:
    """Return ω z, or z where the product overflows: a finite z must not give NaN."""
    angle = z * omega
    held: Real = angle.abs().equals(inf).select(z, angle)
    return held


def _sin(z: Real, omega: Real) -> Real:
    return sin(_angle(z, omega))


def _sin_product(z: Real, da: Real, omega: Real) -> Real:
    return da * (cos(_angle(z, omega)) * omega)


SIN = ActivationEmitter("sin", _sin, _sin_product)
