r"""Softmax of each row of a panel, and its vector-Jacobian product.

With m = max z, or 0 where that is infinite, and sums that ascend over the features,

.. math::
    a = \frac{e^{z-m}}{\sum_j e^{z_j-m}}, \qquad dz = a \left(da - \sum_j a_j\, da_j\right)

The quotient is a product with the reciprocal of the sum, which costs one more rounding.  There are
three sweeps of which one computes exponentials: a panel lies in the cache, where reading it again
takes less time than computing them twice, as two sweeps would.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..math.exponential import exp
from .columns import each_column, finite_or_zero, largest

if TYPE_CHECKING:
    from ..codegen.function import Module


def write_softmax(module: Module) -> None:
    """Write two kernels on panels, [features][width], `width` being one vector or more.

    ``softmax_forward(z, a, features, width)`` writes a, which may lie where z does.

    ``softmax_backward(z, a, da, dz, features, width)`` writes dz, which may lie where da or z
    does; z is not read.
    """
    with each_column(module, "softmax_forward", 2) as (f, (z, a), features):
        m = finite_or_zero(largest(f, z.__getitem__, features))
        s = f.variable(f.number(0.0))
        with f.loop(0, features) as k:
            e = exp(z[k] - m)
            s.value = s.value + e
            a[k] = e
        reciprocal = 1.0 / s.value
        with f.loop(0, features) as k:
            a[k] = a[k] * reciprocal

    with each_column(module, "softmax_backward", 4) as (f, (_, a, da, dz), features):
        s = f.variable(f.number(0.0))
        with f.loop(0, features) as k:
            s.value = a[k].fma(da[k], s.value)
        total = s.value
        with f.loop(0, features) as k:
            dz[k] = a[k] * (da[k] - total)
