r"""The hyperbolic tangent.

.. math::
    \tanh |x| = \frac{a}{1 - a}, \qquad
    a = \frac{1 - e^{-2 |x|}}{2} = \frac{1 - 2^n}{2} + 2^n w, \qquad
    w = \frac{1 - e^{-2 h}}{2} = h - 2 h^2 S(-2 h), \qquad |x| = h - \frac{n \ln 2}{2}

S is that of `exponential`.  ln 2 is one number here: where n is large, e^{-2 |x|} matters little.
"""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

from .coefficients import EXP
from .polynomial import polynomial, rescaled, table
from .power_of_two import exponent, two_to

if TYPE_CHECKING:
    from ..codegen.values import Real

# From where on the tangent rounds to 1.
_ONE = {"float32": 9.1, "float64": 19.1}


def tanh(x: Real) -> Real:
    """Return tanh x: at most 2.7 ulp off in both dtypes; -0 for -0."""
    magnitude = x.abs().below(table(_ONE, x))
    n = exponent(magnitude, -2.0 / log(2.0))
    h = n.number.fma(log(2.0) / 2.0, magnitude)
    w = (h * h).fma(polynomial(h, rescaled(table(EXP, x), -2.0, -2.0)), h)
    power = two_to(n)
    a = power.fma(w, power.fma(-0.5, 0.5))
    return (a / (1.0 - a)).copysign(x)
