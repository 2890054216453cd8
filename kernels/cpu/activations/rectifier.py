r"""The identity and piecewise linear functions with one kink at zero.

.. math::
    \operatorname{relu}(z) = \max(z, 0), \qquad
    \operatorname{leaky\_relu}(z) = \max(z, 0) + s \min(z, 0)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .function import ActivationEmitter

if TYPE_CHECKING:
    from ..codegen.values import Real


def _same(x: Real) -> Real:
    return x


def _relu(z: Real) -> Real:
    return z.above(0.0)  # as the register tile applies it: NaN stays, and so does -0


def _relu_product(a: Real, da: Real) -> Real:
    dz: Real = (a > 0.0).select(da, a)  # elsewhere a is 0, or the NaN that z is
    return dz


def _leaky_relu(z: Real, slope: Real) -> Real:
    a: Real = (z > 0.0).select(z, slope * z)
    return a


def _leaky_relu_product(z: Real, da: Real, slope: Real) -> Real:
    # Not of a, whose sign is not that of z where the slope is not positive.
    derivative: Real = (z > 0.0).select(1.0, (z <= 0.0).select(slope, z))
    return da * derivative


IDENTITY = ActivationEmitter("identity", _same, _same, keeps=None)
RELU = ActivationEmitter("relu", _relu, _relu_product, keeps="a")
LEAKY_RELU = ActivationEmitter("leaky_relu", _leaky_relu, _leaky_relu_product)
