r"""Piecewise stand-ins for sigmoid and SiLU that need no exponential.

.. math::
    \operatorname{hard\_sigmoid}(z) = \min(\max(z + 3, 0), 6) / 6, \qquad
    \operatorname{hard\_swish}(z) = z \operatorname{hard\_sigmoid}(z)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .function import ActivationEmitter

if TYPE_CHECKING:
    from ..codegen.values import Real


def _pieces(z: Real, middle: Real, above: Any) -> Real:
    """Return 0 for z <= -3, `middle` for -3 < z <= 3, `above` for z > 3, and NaN for NaN."""
    upper = (z > 3.0).select(above, middle)
    pieces: Real = (z <= -3.0).select(0.0, upper)
    return z.is_nan().select(z, pieces)  # type: ignore[no-any-return]


def _hard_sigmoid(z: Real) -> Real:
    x = (z + 3.0).above(0.0).below(6.0)
    # x / 6 rounded once, without a division: the quotient is corrected by its remainder.
    quotient = x * (1.0 / 6.0)
    return quotient.fma(-6.0, x).fma(1.0 / 6.0, quotient)


def _hard_sigmoid_product(z: Real, da: Real) -> Real:
    return _pieces(z, da * (1.0 / 6.0), 0.0)


def _hard_swish(z: Real) -> Real:
    return z.above(-3.0) * _hard_sigmoid(z)  # not -inf * 0, which is NaN


def _hard_swish_product(z: Real, da: Real) -> Real:
    return _pieces(z, da * ((z + 1.5) * (1.0 / 3.0)), da)


HARD_SIGMOID = ActivationEmitter("hard_sigmoid", _hard_sigmoid, _hard_sigmoid_product)
HARD_SWISH = ActivationEmitter("hard_swish", _hard_swish, _hard_swish_product)
