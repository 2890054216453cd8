r"""The standard normal distribution.

.. math::
    \Phi(-x) = e^{-x^2 / 2} R(x), \qquad
    \varphi(x) = e^{-x^2 / 2} / \sqrt{2 \pi}, \qquad x \ge 0

R is a quotient of polynomials, of `coefficients`.  x² is taken as two numbers, its rounded value
and the rest, because rounding it would cost a relative error of x² / 2 half-ulps.
"""

from __future__ import annotations

from math import log, pi, sqrt
from typing import TYPE_CHECKING

from .coefficients import TAIL
from .exponential import LN2, exp_reduced
from .polynomial import polynomial, table
from .power_of_two import scaled, whole

if TYPE_CHECKING:
    from ..codegen.values import Real

# Where Φ(-x) and x φ(x) round to zero.
_ZERO = {"float32": 14.5, "float64": 38.7}


def normal_cdf(z: Real) -> Real:
    """Return Φ(z): at most 6.5 ulp off in float32 and 10 in float64, the lower tail included."""
    tail = normal_tail(z)
    cdf: Real = (z > 0.0).select(1.0 - tail, tail)
    return cdf


def normal_tail(z: Real) -> Real:
    """Return Φ(-|z|), with the accuracy of `normal_cdf`."""
    x = magnitude(z)
    return gaussian(x) * ratio(x)


def magnitude(z: Real) -> Real:
    """Return |z|, held where Φ(-|z|) rounds to zero."""
    return z.abs().below(table(_ZERO, z))


def ratio(x: Real) -> Real:
    """Return R(x) for x of `magnitude`."""
    numerator, denominator = table(TAIL, x)
    return polynomial(x, numerator) / polynomial(x, denominator)


def density_of(gauss: Real) -> Real:
    """Return φ(x) of exp(-x² / 2)."""
    return gauss * (1.0 / sqrt(2.0 * pi))


def gaussian(x: Real) -> Real:
    """Return exp(-x² / 2) for x of `magnitude`: at most 1.1 ulp off in both dtypes."""
    square = x * x
    rest = x.fma(x, -square)
    n = whole(square, -0.5 / log(2.0))
    leading, trailing = table(LN2, x)
    r = n.number.fma(2.0 * leading, square)  # -2 r = x² + n 2 ln 2
    r = n.number.fma(2.0 * trailing, r) + rest
    return scaled(exp_reduced(r * -0.5), n)
