r"""The cross-entropy of softmax(z) against a class label, and its gradient, in one pass.

.. math::
    l = (m - z_t) + \log s, \qquad dz_k = \frac{e^{z_k-m}}{s} - [k = t], \qquad
    m = \max z, \quad s = \sum_k e^{z_k - m}

Neither term of l is negative, so nothing cancels.  A label outside [0, classes) makes l and dz of
its row NaN.
"""

from __future__ import annotations

from math import exp, inf, log, nan
from typing import Any

from ..compiler import KernelSource
from ..formulas import Tools
from ..groups import group_softmax, groups_of_block, seen

_LOWEST = -inf
_NAN = nan


def cross_entropy(tools: Tools, size: int, weighted: bool) -> KernelSource:
    """Write the kernel for groups of `size` threads; the weight of a row is w[row], or `share`."""
    cuda = tools.cuda
    groups = groups_of_block(size)
    see, whole = tools.device(seen), group_softmax(tools, size)

    def kernel(
        z: Any, t: Any, w: Any, losses: Any, dz: Any, rows: int, classes: int, share: float
    ) -> None:
        lane = cuda.threadIdx.x % size
        first = cuda.blockIdx.x * groups
        while first < rows:  # the same rounds for all threads of a block, who wait for each other
            row = first + cuda.threadIdx.x // size
            there = row < rows
            start, end = row * classes, (row + 1) * classes if there else row * classes
            m, s = _LOWEST, 0.0
            for k in range(start + lane, end, size):
                m, s = see(m, s, z[k])
            label = t[row] if there else -1
            known = label >= 0 and label < classes
            at_label = z[start + label] if known else _NAN
            m, s = whole(m, s)  # after which dz may be written, which may be z
            weight = (w[row] if weighted else share) if there else share
            s = s + (m - m)  # NaN for a row whose maximum is infinite
            if not known:
                s = _NAN
            for k in range(start + lane, end, size):
                p = exp(z[k] - m) / s
                if k == start + label:
                    p -= 1.0
                dz[k] = 0.0 if weight == 0.0 else p * weight
            if there and lane == 0:
                losses[row] = 0.0 if weight == 0.0 else ((m - at_label) + log(s)) * weight
            first += cuda.gridDim.x * groups

    return KernelSource(kernel, "real* int* real* real* real* int int real")
