r"""Sine and cosine.

.. math::
    x = n \frac{\pi}{2} + r, \qquad n = \operatorname{round}\!\left(\frac{2 x}{\pi}\right), \qquad
    \sin r = r + r^3 S(r^2), \qquad \cos r = 1 - \frac{r^2}{2} + r^4 C(r^2)

π/2 is taken in three parts (W. J. Cody and W. Waite, "Software Manual for the Elementary Functions"
(1980)).  Each product is subtracted with one rounding, and the first difference is exact, so that r
keeps its digits also near a multiple of π/2.  Beyond 1e5 in float32 and 1e9 in float64, n is no
longer sure to be the nearest whole number; there, lane by lane, the C library's function is called.
"""

from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING

from .coefficients import COS, SIN
from .polynomial import polynomial, table
from .power_of_two import whole

if TYPE_CHECKING:
    from ..codegen.values import Bits, Real, Truth

_HALF_PI = {
    "float32": (1.5707963705062866, -4.371138828673793e-08, -1.7151245100058819e-15),
    "float64": (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33),
}
_LARGEST = {"float32": 1e5, "float64": 1e9}


def sin(x: Real) -> Real:
    """Return sin x: at most 1.6 ulp off up to 1e5 in float32, 1e9 in float64; -0 for -0."""
    magnitude = x.abs()
    result = _quadrants(magnitude, 0)
    sign = x.bits() & x.f.number(-0.0).bits()
    return _beyond(x, (result.bits() ^ sign).real(), "sin")


def cos(x: Real) -> Real:
    """Return cos x, with the accuracy of `sin`."""
    return _beyond(x, _quadrants(x.abs(), 1), "cos")


def _quadrants(x: Real, first: int) -> Real:
    """Return sin(x + first π/2) for x >= 0."""
    n = whole(x, 2.0 / pi)
    r = x
    for part in table(_HALF_PI, x):
        r = n.number.fma(-part, r)
    square = r * r
    sine = (square * r).fma(polynomial(square, table(SIN, x)), r)
    cosine = square.fma(square.fma(polynomial(square, table(COS, x)), -0.5), 1.0)
    quadrant = n.shifted.bits() + first if first else n.shifted.bits()
    odd = ~_bit(quadrant, 1).equals(0)
    value: Bits = odd.select(cosine, sine).bits()
    width = 8 * x.f.real_bytes
    return (value ^ (_bit(quadrant, 2) << (width - 2))).real()


def _bit(bits: Bits, bit: int) -> Bits:
    return bits & bit


def _beyond(x: Real, result: Real, name: str) -> Real:
    """Return `result`, but in the lanes where |x| is too large for it the C library's."""
    f = x.f
    largest = table(_LARGEST, x)
    far: Truth = x.abs() > largest
    joined = f.variable(result)
    with f.when(far.any()):
        arguments, results = (f.buffer(f.lanes * f.real_bytes) for _ in range(2))
        arguments.store(x)
        results.store(result)
        with f.loop(0, f.lanes) as lane:
            argument = arguments.real(lane)
            with f.when(argument.abs() > largest):
                function = name + ("f" if f.real_bytes == 4 else "")
                results.store(f.call_external(function, argument, result="real"), lane)
        joined.value = results.vector()
    return joined.value
