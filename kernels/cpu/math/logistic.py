r"""The logistic function.

.. math::
    \sigma(z) = \frac{e^z}{1 + e^z}, \qquad \sigma'(z) = \frac{e}{(1 + e)^2},\quad e = e^{-|z|}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .exponential import exp, exp_of_negative
from .polynomial import table

if TYPE_CHECKING:
    from ..codegen.values import Real

# From where on 1 - σ(z) is below a quarter of the last place of 1.
_ONE = {"float32": 20.0, "float64": 40.0}


def sigmoid(z: Real) -> Real:
    """Return σ(z): at most 2.5 ulp off in both dtypes, relatively accurate in both tails."""
    e = exp(z, table(_ONE, z))
    return e / (e + 1.0)


def sigmoid_derivative(z: Real) -> Real:
    """Return σ'(z): at most 2.5 ulp off in both dtypes."""
    e = exp_of_negative(-z.abs())
    return e / e.fma(e + 2.0, 1.0)  # (1 + e)², rounded once and a little


def tails(z: Real) -> tuple[Real, Real]:
    """Return σ(z) and σ(-z) with one exponential, with the accuracy of `sigmoid`."""
    e = exp_of_negative(-z.abs())
    near_one = 1.0 / (e + 1.0)
    small = e * near_one
    negative = z < 0.0
    return negative.select(small, near_one), negative.select(near_one, small)
