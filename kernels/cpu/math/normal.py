r"""The standard normal distribution.

.. math::
    \Phi(-x) = 2^{-x^2 / D} R(x), \qquad
    \varphi(x) = e^{-x^2 / 2} / \sqrt{2 \pi}, \qquad x \ge 0, \qquad D \approx 2 \ln 2

D has so few digits that its multiples are exact, and R, a quotient of polynomials of
`coefficients`, makes up for what it is off.  With n the whole number nearest to x² / D, all of x²
is in x² - n D, of which only the difference is rounded; rounding x² would cost a relative error of
x² / 2 half-ulps.
"""

from __future__ import annotations

from math import log, pi, sqrt
from typing import TYPE_CHECKING

from .coefficients import SQUARE_EXP2, SQUARE_STEP, TAIL
from .polynomial import polynomial, rescaled, table
from .power_of_two import explicit_bits, magic

if TYPE_CHECKING:
    from ..codegen.values import Real

# Where Φ(-x) and x φ(x) round to zero.
_ZERO = {"float32": 14.5, "float64": 38.7}
# What powers are multiplied by, so that the smallest is a normal number, and quotients divided by.
_RAISED = {"float32": 2.0**64, "float64": 2.0**512}
_LN2_REST = 2.3190468138462996e-17  # what `log(2.0)` lacks


def normal_cdf(z: Real) -> Real:
    """Return Φ(z): at most 7.1 ulp off in float32 and 9 in float64, the lower tail included."""
    x = magnitude(z)
    tail = power(x) * ratio(x)
    cdf: Real = (z > 0.0).select(1.0 - tail, tail)
    return cdf


def normal_density(z: Real) -> Real:
    """Return φ(z): at most 2.8 ulp off in both dtypes."""
    x = magnitude(z)
    return density(x, power(x))


def magnitude(z: Real) -> Real:
    """Return |z|, held where Φ(-|z|) rounds to zero."""
    return z.abs().below(table(_ZERO, z))


def power(x: Real) -> Real:
    """Return 2^(-x² / D) for x of `magnitude`, raised above the subnormal numbers.

    It is 0 where x is held, so that what comes of it does not underflow, which takes long.
    """
    step = table(SQUARE_STEP, x)
    shifted = (x * x).fma(1.0 / step, magic(x))  # n in the low bits
    whole_steps = shifted.fma(step, -step * magic(x))  # n D, exactly
    rest = x.fma(x, -whole_steps)
    raised = polynomial(rest, rescaled(table(SQUARE_EXP2, x), 1.0, table(_RAISED, x)))
    known = (raised.bits() - (shifted.bits() << explicit_bits(x))).real()
    result: Real = (x >= table(_ZERO, x)).select(0.0, known)
    return result


def ratio(x: Real) -> Real:
    """Return Φ(-x) / `power` of x for x of `magnitude`."""
    numerator, denominator = table(TAIL, x)
    lowered = rescaled(numerator, 1.0, 1.0 / table(_RAISED, x))
    return polynomial(x, lowered) / polynomial(x, denominator)


def density(x: Real, power_of_x: Real) -> Real:
    """Return φ(x) of x and of its `power`."""
    step = table(SQUARE_STEP, x)
    # exp(-x²/2) = 2^(-x²/D) exp(-off x²), and the last factor is so near 1 that it is a line.
    off = ((step - 2.0 * log(2.0)) - 2.0 * _LN2_REST) / (2.0 * step)
    height = 1.0 / sqrt(2.0 * pi) / table(_RAISED, x)
    return power_of_x * (x * x).fma(-off * height, height)
