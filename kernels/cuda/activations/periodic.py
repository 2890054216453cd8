r"""The sine of a scaled argument: :math:`a = \sin(\omega z), a' = \omega \cos(\omega z)`."""

from __future__ import annotations

from math import cos, isinf, sin

from .function import ActivationFormula


def _angle(z: float, omega: float) -> float:
    """Return ω z, or z where the product overflows: a finite input must not give NaN."""
    angle = omega * z
    return z if isinf(angle) else angle


def _sin(z: float, omega: float) -> float:
    return sin(_angle(z, omega))


def _sin_product(z: float, da: float, omega: float) -> float:
    return da * (omega * cos(_angle(z, omega)))


SIN = ActivationFormula("sin", _sin, _sin_product, settings=1)
