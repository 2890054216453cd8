r"""The logistic function and what is made of it, with :math:`e = e^{-|z|}`, which never overflows.

.. math::
    \sigma(z) = \frac{1 \text{ or } e}{1 + e}, \qquad \sigma'(z) = \frac{e}{(1 + e)^2}

.. math::
    \operatorname{softplus}(z) = \max(z, 0) + \log(1 + e), \qquad
    \operatorname{silu}(z) = z \sigma(z), \qquad
    \operatorname{silu}'(z) = \sigma(z) (1 + z \sigma(-z))
"""

from __future__ import annotations

from math import exp, log1p

from .function import ActivationFormula
from .held import above, held

# Beyond ±1000 the functions have their limits in double precision.  A factor z is held within,
# where an infinite z would meet a zero and give NaN instead of the limit.
_SATURATED = 1000.0


def sigmoid(z: float) -> float:
    """Return σ(z), with full relative accuracy in both tails."""
    e = exp(-abs(z))
    return (1.0 if z >= 0.0 else e) / (1.0 + e)


def sigmoid_derivative(z: float) -> float:
    """Return σ'(z); a (1 - a) would have no digits left where a is near 1."""
    e = exp(-abs(z))
    return e / ((1.0 + e) * (1.0 + e))


def _sigmoid_product(z: float, da: float) -> float:
    return da * sigmoid_derivative(z)


def _softplus(z: float) -> float:
    return above(z, 0.0) + log1p(exp(-abs(z)))


def _softplus_product(z: float, da: float) -> float:
    return da * sigmoid(z)


def _silu(z: float) -> float:
    return above(z, -_SATURATED) * sigmoid(z)


def _silu_product(z: float, da: float) -> float:
    z = held(z, _SATURATED)
    e = exp(-abs(z))
    larger, smaller = 1.0 / (1.0 + e), e / (1.0 + e)
    if z >= 0.0:
        return da * (larger * (1.0 + z * smaller))
    return da * (smaller * (1.0 + z * larger))


SIGMOID = ActivationFormula("sigmoid", sigmoid, _sigmoid_product)
SOFTPLUS = ActivationFormula("softplus", _softplus, _softplus_product)
SILU = ActivationFormula("silu", _silu, _silu_product)
