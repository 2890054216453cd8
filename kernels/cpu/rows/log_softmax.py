r"""The logarithm of softmax of each row of a panel, and its vector-Jacobian product.

With m = max z, or 0 where that is infinite, and sums that ascend over the features,

.. math::
    a = (z - m) - \log \sum_j e^{z_j-m}, \qquad dz = da - e^a \sum_j da_j
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..math.exponential import exp
from ..math.logarithm import log
from .columns import each_column, finite_or_zero, largest

if TYPE_CHECKING:
    from ..codegen.function import Module


def write_log_softmax(module: Module) -> None:
    """Write two kernels on panels, [features][width], `width` being one vector or more.

    ``log_softmax_forward(z, a, features, width)`` writes a, which may lie where z does.

    ``log_softmax_backward(z, a, da, dz, features, width)`` writes dz, which may lie where da or z
    does; z is not read.
    """
    with each_column(module, "log_softmax_forward", 2) as (f, (z, a), features):
        m = finite_or_zero(largest(f, z.__getitem__, features))
        s = f.variable(f.number(0.0))
        with f.loop(0, features) as k:
            s.value = s.value + exp(z[k] - m)
        log_sum = log(s.value)
        with f.loop(0, features) as k:
            a[k] = (z[k] - m) - log_sum

    with each_column(module, "log_softmax_backward", 4) as (f, (_, a, da, dz), features):
        s = f.variable(f.number(0.0))
        with f.loop(0, features) as k:
            s.value = s.value + da[k]
        total = s.value
        with f.loop(0, features) as k:
            dz[k] = (-exp(a[k])).fma(total, da[k])
