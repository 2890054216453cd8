r"""The negative log-likelihood of a label under log-probabilities: l = -z_t, dz_k = -[k = t].

A label outside [0, classes) makes l and dz of its row NaN.
"""

from __future__ import annotations

from math import nan
from typing import Any

from ..compiler import KernelSource
from ..formulas import Tools
from ..groups import group_barrier, groups_of_block

_NAN = nan


def nll(tools: Tools, size: int, weighted: bool) -> KernelSource:
    """Write the kernel for groups of `size` threads; the weight of a row is w[row], or `share`."""
    cuda = tools.cuda
    groups = groups_of_block(size)
    wait = group_barrier(tools, size)

    def kernel(
        z: Any, t: Any, w: Any, losses: Any, dz: Any, rows: int, classes: int, share: float
    ) -> None:
        lane = cuda.threadIdx.x % size
        first = cuda.blockIdx.x * groups
        while first < rows:
            row = first + cuda.threadIdx.x // size
            there = row < rows
            label = t[row] if there else -1
            known = label >= 0 and label < classes
            weight = (w[row] if weighted else share) if there else share
            start = row * classes
            if there and lane == 0:
                at_label = z[start + label] if known else _NAN
                losses[row] = 0.0 if weight == 0.0 else -weight * at_label
            wait()  # dz may be z
            other = 0.0 if known or weight == 0.0 else _NAN
            for k in range(lane, classes if there else 0, size):
                dz[start + k] = -weight if k == label and weight != 0.0 else other
            first += cuda.gridDim.x * groups

    return KernelSource(kernel, "real* int* real* real* real* int int real")
