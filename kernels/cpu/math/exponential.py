r"""The exponential function and e^x - 1.

.. math::
    e^x = 2^n e^r, \qquad n = \operatorname{round}(x / \ln 2), \qquad r = x - n \ln 2,
    \qquad e^r = 1 + r + r^2 S(r)

ln 2 is taken in two parts; the first is so short that n times it is exact (W. J. Cody and W. Waite,
"Software Manual for the Elementary Functions" (1980)).  S is a best approximation for |r| <= ln 2
/ 2, of `coefficients`.

Where the result rounds to zero it is computed of zero.  Underflow would give the same, but some two
hundred cycles later; only for subnormal results they are spent.
"""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

from .coefficients import EXP, EXP2
from .polynomial import polynomial, table
from .power_of_two import Whole, exponent, scaled, two_to

if TYPE_CHECKING:
    from ..codegen.values import Real, Truth

LN2 = {
    "float32": (0.693145751953125, 1.428606765330187e-06),
    "float64": (0.6931471803691238, 1.9082149292705877e-10),
}
"""ln 2 in two parts, for each dtype."""

# Where e^x rounds to zero and where it is beyond the largest float.
_RANGE = {"float32": (-104.0, 89.0), "float64": (-746.0, 710.0)}
# Where e^x - 1 is -1.
_MINUS_ONE = {"float32": -18.0, "float64": -38.0}


def exp(x: Real, largest: float | None = None) -> Real:
    """Return e^x: at most 1 ulp off in both dtypes, subnormal results included.

    With `largest` it is e^min(x, largest).
    """
    low, high = table(_RANGE, x)
    return _exp(x.above(low).below(high if largest is None else largest), x <= low)


def exp_of_negative(x: Real) -> Real:
    """Return e^x for x <= 0, with the accuracy of `exp`."""
    low = table(_RANGE, x)[0]
    return _exp(x.above(low), x <= low)


def exp2(x: Real, vanishes: Truth | None = None) -> Real:
    """Return 2^x, where |x| is below twice the largest exponent: at most 1 ulp off in both dtypes.

    No digit of x is lost, so that it is `exp` for those who have x / ln 2.  Where `vanishes` says
    that 2^x rounds to zero, it costs no underflow.
    """
    n = exponent(x, 1.0)
    power = polynomial(x - n.number, table(EXP2, x))
    return scaled(power if vanishes is None else vanishes.select(0.0, power), n)


def expm1(x: Real) -> Real:
    """Return e^x - 1: at most 2 ulp off in both dtypes; -0 for -0."""
    high = table(_RANGE, x)[1]
    n, r = reduced(x.above(table(_MINUS_ONE, x)).below(high))
    # For large x twice the half, because 2^n itself may be beyond the largest float.
    large = x > 1.0
    start: Real = large.select(x.f.number(0.5), 1.0)
    power = two_to(n, start)
    result: Real = power.fma(_expm1_reduced(r), power - start)
    result = result * large.select(x.f.number(2.0), 1.0)
    return result.copysign(x)


def expm1_of_negative(x: Real) -> Real:
    """Return e^x - 1 for x <= 0: at most 1.2 ulp off in both dtypes; 0 of either sign for -0."""
    n, r = reduced(x.above(table(_MINUS_ONE, x)))
    power = two_to(n)
    return power.fma(_expm1_reduced(r), power - 1.0)


def reduced(x: Real) -> tuple[Whole, Real]:
    """Return n and r of x = n ln 2 + r."""
    leading, rest = table(LN2, x)
    n = exponent(x, 1.0 / log(2.0))
    return n, n.number.fma(-rest, n.number.fma(-leading, x))


def _exp_reduced(r: Real) -> Real:
    """Return e^r for |r| <= ln 2 / 2."""
    return polynomial(r, (1.0, 1.0, *table(EXP, r)))


def _exp(x: Real, vanishes: Truth) -> Real:
    n, r = reduced(x)
    return scaled(vanishes.select(0.0, _exp_reduced(r)), n)


def _expm1_reduced(r: Real) -> Real:
    # r is added last, so that nothing but the last rounding touches it.
    return (r * r).fma(polynomial(r, table(EXP, r)), r)
