r"""Rectifiers with an exponential on the negative side.

.. math::
    \operatorname{elu}(z) &= \max(z, 0) + \alpha (e^{\min(z, 0)} - 1) \\
    \operatorname{selu}(z) &= \lambda \operatorname{elu}(z; \alpha_{01}) \\
    \operatorname{celu}(z) &= \max(z, 0) + \alpha (e^{\min(z, 0) / \alpha} - 1)

The constants of selu are those of `kernels.reference.activations.exponential`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..math.exponential import exp_of_negative, expm1_of_negative
from .function import ActivationEmitter

if TYPE_CHECKING:
    from ..codegen.values import Real

_SELU_ALPHA = 1.6732632423543772
_SELU_LAMBDA = 1.0507009873554805


def _joined(z: Real, above: Real, below: Real) -> Real:
    """Return `below` for z < 0, and else `above`, which is z times something: -0 stays as it is."""
    a: Real = (z < 0.0).select(below, above)
    return a


def _slope(z: Real, above: float, below: Real) -> Real:
    """Return `above` for z > 0, and else `below`, which is NaN for NaN."""
    derivative: Real = (z > 0.0).select(z.f.number(above), below)
    return derivative


def _elu(z: Real, alpha: Real) -> Real:
    return _joined(z, z, expm1_of_negative(z.below(0.0)) * alpha)


def _elu_product(z: Real, da: Real, alpha: Real) -> Real:
    return da * _slope(z, 1.0, exp_of_negative(z.below(0.0)) * alpha)


def _selu(z: Real) -> Real:
    below = expm1_of_negative(z.below(0.0)) * (_SELU_LAMBDA * _SELU_ALPHA)
    return _joined(z, z * _SELU_LAMBDA, below)


def _selu_product(z: Real, da: Real) -> Real:
    below = exp_of_negative(z.below(0.0)) * (_SELU_LAMBDA * _SELU_ALPHA)
    return da * _slope(z, _SELU_LAMBDA, below)


def _celu(z: Real, alpha: Real) -> Real:
    return _joined(z, z, expm1_of_negative(z.below(0.0) / alpha) * alpha)


def _celu_product(z: Real, da: Real, alpha: Real) -> Real:
    return da * _slope(z, 1.0, exp_of_negative(z.below(0.0) / alpha))


ELU = ActivationEmitter("elu", _elu, _elu_product)
SELU = ActivationEmitter("selu", _selu, _selu_product)
CELU = ActivationEmitter("celu", _celu, _celu_product)
