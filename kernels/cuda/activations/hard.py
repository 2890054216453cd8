r"""Piecewise stand-ins for sigmoid and SiLU that need no exponential.

.. math::
    \operatorname{hard\_sigmoid}(z) = \min(\max(z + 3, 0), 6) / 6, \qquad
    \operatorname{hard\_swish}(z) = z \operatorname{hard\_sigmoid}(z)
"""

from __future__ import annotations

from .function import ActivationFormula
from .held import above, below


def _hard_sigmoid(z: float) -> float:
    return below(above(z + 3.0, 0.0), 6.0) / 6.0


def _hard_sigmoid_product(z: float, da: float) -> float:
    if z <= -3.0 or z > 3.0:
        return 0.0
    return da / 6.0 if z <= 3.0 else z


def _hard_swish(z: float) -> float:
    return above(z, -3.0) * _hard_sigmoid(z)  # not -inf * 0, which is NaN


def _hard_swish_product(z: float, da: float) -> float:
    if z <= -3.0:
        return 0.0
    if z <= 3.0:
        return da * ((z + 1.5) / 3.0)
    return da if z > 3.0 else z


HARD_SIGMOID = ActivationFormula("hard_sigmoid", _hard_sigmoid, _hard_sigmoid_product)
HARD_SWISH = ActivationFormula("hard_swish", _hard_swish, _hard_swish_product)
