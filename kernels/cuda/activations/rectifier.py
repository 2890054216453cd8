r"""The identity and piecewise linear functions with one kink at zero.

.. math::
    \operatorname{relu}(z) = \max(z, 0), \qquad
    \operatorname{leaky\_relu}(z) = \max(z, 0) + s \min(z, 0)
"""

from __future__ import annotations

from .function import ActivationFormula
from .held import above


def _identity(z: float) -> float:
    return z


def _identity_product(z: float, da: float) -> float:  # noqa: ARG001
    return da


def _relu(z: float) -> float:
    return above(z, 0.0)


def _relu_product(a: float, da: float) -> float:
    return da if a > 0.0 else a  # where a is 0, or the NaN that z is


def _leaky_relu(z: float, slope: float) -> float:
    return z if z > 0.0 else slope * z


def _leaky_relu_product(z: float, da: float, slope: float) -> float:
    # Not of a, whose sign is not that of z where the slope is not positive.
    return da * (1.0 if z > 0.0 else (slope if z <= 0.0 else z))


IDENTITY = ActivationFormula("identity", _identity, _identity_product)
RELU = ActivationFormula("relu", _relu, _relu_product, keeps="a")
LEAKY_RELU = ActivationFormula("leaky_relu", _leaky_relu, _leaky_relu_product, settings=1)
