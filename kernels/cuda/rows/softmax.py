r"""Softmax, log-softmax and log-sum-exp of rows, and their products with a gradient.

.. math::
    \operatorname{logsumexp}(z) = m + \log s, \qquad m = \max z, \quad s = \sum_k e^{z_k-m}

Forward reads a row twice: once for m and s together (`groups.seen`), once for the result.  A row
whose maximum is infinite comes out as the reference's does, by the arithmetic of infinities.
"""

from __future__ import annotations

from math import exp, inf, log
from typing import Any

from ..compiler import KernelSource
from ..formulas import Tools
from ..groups import group_softmax, group_sum, groups_of_block, seen

_LOWEST = -inf


def softmax(tools: Tools, size: int) -> KernelSource:
    """Write the kernel a = exp(z - m) / s."""

    def value(z: float, m: float, s: float) -> float:
        return exp(z - m) / s

    return _forward(tools, size, value)


def log_softmax(tools: Tools, size: int) -> KernelSource:
    """Write the kernel a = (z - m) - log s."""

    def value(z: float, m: float, s: float) -> float:
        return (z - m) - log(s)

    return _forward(tools, size, value)


def _forward(tools: Tools, size: int, value: Any) -> KernelSource:
    cuda = tools.cuda
    groups = groups_of_block(size)
    see, whole = tools.device(seen), group_softmax(tools, size)
    value_of = tools.device(value)

    def kernel(z: Any, a: Any, rows: int, length: int) -> None:
        lane = cuda.threadIdx.x % size
        first = cuda.blockIdx.x * groups
        while first < rows:  # the same rounds for all threads of a block, who wait for each other
            row = first + cuda.threadIdx.x // size
            start, end = row * length, (row + 1) * length if row < rows else row * length
            m, s = _LOWEST, 0.0
            for k in range(start + lane, end, size):
                m, s = see(m, s, z[k])
            m, s = whole(m, s)  # after which a may be written, which may be z
            for k in range(start + lane, end, size):
                a[k] = value_of(z[k], m, s)
            first += cuda.gridDim.x * groups

    return KernelSource(kernel, "real* real* int int")


def logsumexp(tools: Tools, size: int) -> KernelSource:
    """Write the kernel y = m + log s, one number for each row; -inf for a row of no numbers."""
    cuda = tools.cuda
    groups = groups_of_block(size)
    see, whole = tools.device(seen), group_softmax(tools, size)

    def kernel(z: Any, y: Any, rows: int, length: int) -> None:
        lane = cuda.threadIdx.x % size
        first = cuda.blockIdx.x * groups
        while first < rows:
            row = first + cuda.threadIdx.x // size
            start, end = row * length, (row + 1) * length if row < rows else row * length
            m, s = _LOWEST, 0.0
            for k in range(start + lane, end, size):
                m, s = see(m, s, z[k])
            m, s = whole(m, s)
            if row < rows and lane == 0:
                y[row] = m + log(s)
            first += cuda.gridDim.x * groups

    return KernelSource(kernel, "real* real* int int")


def softmax_product(tools: Tools, size: int) -> KernelSource:
    """Write the kernel dz = a (da - Σ a da)."""

    def term(a: float, da: float) -> float:
        return a * da

    def result(a: float, da: float, total: float) -> float:
        return a * (da - total)

    return _backward(tools, size, term, result)


def log_softmax_product(tools: Tools, size: int) -> KernelSource:
    """Write the kernel dz = da - exp(a) Σ da."""

    def term(a: float, da: float) -> float:  # noqa: ARG001
        return da

    def result(a: float, da: float, total: float) -> float:
        return da - exp(a) * total

    return _backward(tools, size, term, result)


def _backward(tools: Tools, size: int, term: Any, result: Any) -> KernelSource:
    cuda = tools.cuda
    groups = groups_of_block(size)
    term_of, result_of = tools.device(term), tools.device(result)
    total_of = group_sum(tools, size)

    def kernel(a: Any, da: Any, dz: Any, rows: int, length: int) -> None:
        lane = cuda.threadIdx.x % size
        first = cuda.blockIdx.x * groups
        while first < rows:
            row = first + cuda.threadIdx.x // size
            start, end = row * length, (row + 1) * length if row < rows else row * length
            total = 0.0
            for k in range(start + lane, end, size):
                total += term_of(a[k], da[k])
            total = total_of(total)  # after which dz may be written, which may be da or a
            for k in range(start + lane, end, size):
                dz[k] = result_of(a[k], da[k], total)
            first += cuda.gridDim.x * groups

    return KernelSource(kernel, "real* real* real* int int")
