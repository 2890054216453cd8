r"""The cross-entropy of softmax(z) where every class has a weight of its own.

.. math::
    r_k = c_k \left((1-ε)\, q_k + ε/K\right), \qquad
    l = \sum_k r_k (m - z_k) + \log s \sum_k r_k, \qquad
    dz = \frac{e^{z-m}}{s} \sum_k r_k - r

q is a distribution over the K classes, or one-hot for a label; c are class weights, ε the label
smoothing.  A label outside [0, classes) makes l and dz of its row NaN.
"""

from __future__ import annotations

from math import exp, inf, log, nan
from typing import Any

from ..compiler import KernelSource
from ..formulas import Tools
from ..groups import group_softmax, group_sum, groups_of_block, seen

_LOWEST = -inf
_NAN = nan
_TOGETHER = 1024
"""Threads of a multiprocessor, in float64 too: 64 registers are enough for each, but where it may
take more, the assembler does, and a block less is resident."""


def label_terms(tools: Tools, size: int, weighted: bool, by_class: bool) -> KernelSource:
    """Write the kernel for smoothed labels: `on` is (1 - ε) + ε/K, `off` is ε/K."""

    def term(t: Any, row: int, k: int, classes: int, on: float, off: float) -> float:  # noqa: ARG001
        return on if t[row] == k else off

    def known(t: Any, row: int, classes: int) -> bool:
        return t[row] >= 0 and t[row] < classes  # type: ignore[no-any-return]

    return _terms(tools, term, known, "int*", size, weighted, by_class)


def distribution_terms(tools: Tools, size: int, weighted: bool, by_class: bool) -> KernelSource:
    """Write the kernel for distributions: `on` is 1 - ε, `off` is ε/K."""

    def term(t: Any, row: int, k: int, classes: int, on: float, off: float) -> float:
        q = t[row * classes + k]
        return q if on == 1.0 else on * q + off  # type: ignore[no-any-return]

    def known(t: Any, row: int, classes: int) -> bool:  # noqa: ARG001
        return True

    return _terms(tools, term, known, "real*", size, weighted, by_class)


def _terms(
    tools: Tools, term: Any, known: Any, kind: str, size: int, weighted: bool, by_class: bool
) -> KernelSource:
    cuda = tools.cuda
    groups = groups_of_block(size)
    see, whole, total_of = tools.device(seen), group_softmax(tools, size), group_sum(tools, size)
    plain_term, is_known = tools.device(term), tools.device(known)

    def weighted_term(
        t: Any, c: Any, row: int, k: int, classes: int, on: float, off: float
    ) -> float:
        r = plain_term(t, row, k, classes, on, off)
        if by_class:
            r = r * c[k]
        return r  # type: ignore[no-any-return]

    r_of = tools.device(weighted_term)

    def kernel(
        z: Any, t: Any, c: Any, w: Any, losses: Any, dz: Any, rows: int, classes: int,
        share: float, on: float, off: float,
    ) -> None:  # fmt: skip
        lane = cuda.threadIdx.x % size
        first = cuda.blockIdx.x * groups
        while first < rows:
            row = first + cuda.threadIdx.x // size
            there = row < rows
            start, count = row * classes, classes if there else 0
            m, s, total = _LOWEST, 0.0, 0.0
            for k in range(lane, count, size):
                m, s = see(m, s, z[start + k])
                total += r_of(t, c, row, k, classes, on, off)
            m, s = whole(m, s)
            total = total_of(total)
            weight = (w[row] if weighted else share) if there else share
            s = s + (m - m)  # NaN for a row whose maximum is infinite
            if there and not is_known(t, row, classes):
                s = _NAN
            half_distance = 0.0
            for k in range(lane, count, size):
                r = r_of(t, c, row, k, classes, on, off)
                logit = z[start + k]
                if r != 0.0:  # a class of weight 0 costs nothing, also one whose logit is -inf
                    # Halves, since m - z may overflow where its product with a small r does not.
                    half_distance += r * (0.5 * m - 0.5 * logit)
                p = exp(logit - m) / s * total - r
                dz[start + k] = 0.0 if weight == 0.0 else p * weight
            loss = 2.0 * total_of(half_distance) + total * log(s)
            if there and lane == 0:
                losses[row] = 0.0 if weight == 0.0 else loss * weight
            first += cuda.gridDim.x * groups

    kinds = f"real* {kind} real* real* real* real* int int real real real"
    return KernelSource(kernel, kinds, together=_TOGETHER)
