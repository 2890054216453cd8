r"""Rectifiers with an exponential on the negative side.

.. math::
    \operatorname{elu}(z) &= \max(z, 0) + \alpha (e^{\min(z, 0)} - 1) \\
    \operatorname{selu}(z) &= \lambda \operatorname{elu}(z; \alpha_{01}) \\
    \operatorname{celu}(z) &= \max(z, 0) + \alpha (e^{\min(z, 0) / \alpha} - 1)

The sources are those of the reference.
"""

from __future__ import annotations

from math import exp, expm1

from .function import ActivationFormula
from .held import below

_SELU_LAMBDA = 1.0507009873554805
_SELU_LAMBDA_ALPHA = 1.0507009873554805 * 1.6732632423543772


def _elu(z: float, alpha: float) -> float:
    return z if z > 0.0 else alpha * expm1(below(z, 0.0))


def _elu_product(z: float, da: float, alpha: float) -> float:
    return da * (1.0 if z > 0.0 else alpha * exp(below(z, 0.0)))


def _selu(z: float) -> float:
    return _SELU_LAMBDA * z if z > 0.0 else _SELU_LAMBDA_ALPHA * expm1(below(z, 0.0))


def _selu_product(z: float, da: float) -> float:
    return da * (_SELU_LAMBDA if z > 0.0 else _SELU_LAMBDA_ALPHA * exp(below(z, 0.0)))


def _celu(z: float, alpha: float) -> float:
    return z if z > 0.0 else alpha * expm1(below(z, 0.0) / alpha)


def _celu_product(z: float, da: float, alpha: float) -> float:
    return da * (1.0 if z > 0.0 else exp(below(z, 0.0) / alpha))


ELU = ActivationFormula("elu", _elu, _elu_product, settings=1)
SELU = ActivationFormula("selu", _selu, _selu_product)
CELU = ActivationFormula("celu", _celu, _celu_product, settings=1)
