r"""Mish, z tanh(softplus(z)), by the rational functions of :math:`e^{-|z|}` of the reference."""

from __future__ import annotations

from math import exp

from .function import ActivationFormula
from .held import above, held

_SATURATED = 1000.0  # exp(-1000) is zero in double precision: beyond, t and t' have their limits


def _gate(z: float) -> float:
    """Return t = tanh(softplus(z))."""
    e = exp(-abs(z))
    if z > 0.0:
        odd = 1.0 + 2.0 * e
        return odd / (odd + 2.0 * e * e)
    n = e * (e + 2.0)
    return n / (n + 2.0)


def _slope(z: float) -> float:
    """Return t'."""
    e = exp(-abs(z))
    if z > 0.0:
        even = 1.0 + 2.0 * e + 2.0 * e * e
        return 4.0 * e * e * (1.0 + e) / (even * even)
    n = e * (e + 2.0)
    return 4.0 * e * (1.0 + e) / ((n + 2.0) * (n + 2.0))


def _mish(z: float) -> float:
    return above(z, -_SATURATED) * _gate(z)  # not -inf * 0, which is NaN


def _mish_product(z: float, da: float) -> float:
    z = held(z, _SATURATED)
    return da * (_gate(z) + z * _slope(z))


MISH = ActivationFormula("mish", _mish, _mish_product)
