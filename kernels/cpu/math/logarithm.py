r"""The natural logarithm and log(1 + x).

.. math::
    \log(2^k (1 + f)) = k \ln 2 + f - \frac{f^2}{2} + f^3 T(f), \qquad
    \sqrt{1/2} \le 1 + f \le \sqrt 2

T is a best approximation, of `coefficients`.  For log(1 + x), f is :math:`2^{-k} x + (2^{-k} - 1)`,
in which only the sum is rounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .coefficients import LOG, LOG1P_UNIT
from .exponential import LN2
from .polynomial import halved_polynomial, polynomial, table

if TYPE_CHECKING:
    from ..codegen.values import Bits, Real

_LOWEST = 6  # powers of log(1 + x) / x


def log(x: Real) -> Real:
    """Return log x: at most 1 ulp off in both dtypes; -inf for 0, NaN below."""
    info = np.finfo(x.f.module.dtype)
    # A subnormal number is made normal, and its exponent corrected.
    small = x < float(info.tiny)
    normal = small.select(x * 2.0**info.nmant, x)
    k = _exponent(normal)
    f = (normal.bits() - (k << info.nmant)).real() - 1.0
    correction = small.select(x.f.number(float(info.nmant)), 0.0)
    return _with_limits(x, _sum(k.to_real() - correction, f), pole=0.0)


def log1p(x: Real) -> Real:
    """Return log(1 + x): at most 1.6 ulp off in both dtypes; -inf for -1, NaN below, -0 for -0."""
    nmant = int(np.finfo(x.f.module.dtype).nmant)
    u = x + 1.0
    k = _exponent(u)
    # Four times the power, which is a normal number for the largest x too.
    power = (x.f.number(4.0).bits() - (k << nmant)).real()
    f = (x * 0.25).fma(power, power.fma(0.25, -1.0))
    # x itself where it is too small to change 1, which keeps -0 and subnormal numbers.
    result = u.equals(1.0).select(x, _sum(k.to_real(), f))
    return _with_limits(x, result, pole=-1.0)


def log1p_of_unit(x: Real) -> Real:
    """Return log(1 + x) for 0 <= x <= 1: at most 1.6 ulp off in both dtypes."""
    coefficients = table(LOG1P_UNIT, x)
    # With signs in turn either half is larger than the whole: the lowest powers stay together.
    lowest, others = coefficients[:_LOWEST], coefficients[_LOWEST:]
    rest = halved_polynomial(x, others) if len(others) > _LOWEST else polynomial(x, others)
    return polynomial(x, lowest, rest) * x


def _exponent(x: Real) -> Bits:
    """Return k of x = 2^k m with m from the root of 1/2 to that of 2."""
    nmant = int(np.finfo(x.f.module.dtype).nmant)
    return (x.bits() - x.f.number(0.5**0.5).bits()) >> nmant


def _sum(k: Real, f: Real) -> Real:
    """Return k ln 2 + log(1 + f)."""
    leading, rest = table(LN2, f)
    curved = (f * f).fma(f.fma(polynomial(f, table(LOG, f)), -0.5), k * rest)
    return k.fma(leading, f + curved)


def _with_limits(x: Real, result: Real, pole: float) -> Real:
    result = (x < np.inf).select(result, x)
    outside = x.equals(pole).select(x.f.number(-np.inf), np.nan)
    limited: Real = (x > pole).select(result, outside)
    return limited
