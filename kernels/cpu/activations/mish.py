r"""Mish, z tanh(softplus(z)).

.. math::
    t = \tanh(\operatorname{softplus}(z)) = \frac{n}{n + 2},\quad n = e^z (e^z + 2), \qquad
    t' = \frac{4 e^z (1 + e^z)}{(n + 2)^2}, \qquad \operatorname{mish}'(z) = t + z t'

For large z, t is 1 and t' too small to show long before n overflows, so the exponent is held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..math.exponential import exp
from ..math.polynomial import table
from .function import ActivationEmitter

if TYPE_CHECKING:
    from ..codegen.values import Real

# Where t has become 1 and z t' has become 0, in the last place of 1.
_ONE = {"float32": 20.0, "float64": 40.0}
_ZERO = -1000.0  # where t and t' are zero in double precision


def _mish(z: Real) -> Real:
    e = exp(z, table(_ONE, z))
    n = e * (e + 2.0)
    return z.above(_ZERO) * (n / (n + 2.0))  # not -inf * 0, which is NaN


def _mish_product(z: Real, da: Real) -> Real:
    z = z.above(_ZERO).below(table(_ONE, z))
    e = exp(z)
    n = e * (e + 2.0)
    r = 1.0 / (n + 2.0)
    slope = e * (e + 1.0) * 4.0 * r * r
    return da * z.fma(slope, n * r)


MISH = ActivationEmitter("mish", _mish, _mish_product)
