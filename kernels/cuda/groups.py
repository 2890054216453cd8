"""Threads that share a row: part of a warp for short rows, a block for long ones.

A group reduces numbers by a tree that its size alone decides, so the bits are the same in every run
and in each of its threads.  To reduce is also to wait for each other: what a thread of the group
read before, any of them may write after.
"""

from __future__ import annotations

from math import exp
from typing import Any

from .compiler import THREADS
from .formulas import Formula, Tools

WARP = 32
ALL_LANES = 0xFFFFFFFF

LONGEST_FOR_A_WARP = 1024
"""The longest row that a warp reads; a block reads longer ones."""

_NUMBERS_OF_A_LANE = 4


def group_size(length: int) -> int:
    """Return how many threads share a row of this length: 1, 2, ... 32, or a block's."""
    if length > LONGEST_FOR_A_WARP:
        return THREADS
    size = 1
    while size < WARP and size * _NUMBERS_OF_A_LANE < length:
        size *= 2
    return size


def groups_of_block(size: int) -> int:
    """Return how many groups a block has."""
    return THREADS // size


def seen(m: float, s: float, z: float) -> tuple[float, float]:
    """Return the maximum and Σ exp(z - m) of a row, m and s so far, after one more number.

    M. Milakov and N. Gimelshein, "Online normalizer calculation for softmax", arXiv:1805.02867,
    algorithm 3.  Before the first, m is -∞ and s is 0.  Numbers equal to the maximum count as 1,
    infinite ones also; NaN goes into s and stays there.
    """
    if z > m:
        return z, s * exp(m - z) + 1.0
    if z == m:
        return m, s + 1.0
    return m, s + exp(z - m)


def joined(m: float, s: float, other_m: float, other_s: float) -> tuple[float, float]:
    """Return the maximum and the sum of two parts of a row; the same bits in either order."""
    if m == other_m:
        return m, s + other_s
    if m > other_m:
        return m, s + other_s * exp(other_m - m)
    return other_m, other_s + s * exp(m - other_m)


def added(x: float, y: float) -> float:
    """Return x + y."""
    return x + y


def larger(x: float, y: float) -> float:
    """Return the larger of two numbers that are not NaN."""
    return x if x > y else y


def group_sum(tools: Tools, size: int) -> Any:
    """Return the device function ``total(x)``: the sum of `x` over the group, in each thread."""
    return group_reduce(tools, size, added)


def group_reduce(tools: Tools, size: int, join: Formula) -> Any:
    """Return the device function ``whole(x)``: `x` of all threads of the group, joined in pairs.

    Parameters
    ----------
    tools : Tools
        Those of the kernel.
    size : int
        How many threads the group has: up to 32, or a whole block.
    join : callable
        A formula of two numbers that gives the same in either order.
    """
    cuda = tools.cuda
    real, warps = tools.real, size // WARP
    width = min(size, WARP)
    pair = tools.device(join)

    def in_warp(x: float) -> float:
        offset = width // 2
        while offset > 0:
            x = pair(x, cuda.shfl_xor_sync(ALL_LANES, x, offset))
            offset //= 2
        cuda.syncwarp(ALL_LANES)
        return x

    warp_whole = tools.device(in_warp)
    if size <= WARP:
        return warp_whole

    def in_block(x: float) -> float:
        parts = cuda.shared.array(warps, real)
        x = warp_whole(x)
        if cuda.threadIdx.x % WARP == 0:
            parts[cuda.threadIdx.x // WARP] = x
        cuda.syncthreads()
        x = parts[0]
        for warp in range(1, warps):
            x = pair(x, parts[warp])
        cuda.syncthreads()  # nobody writes the next parts before all have read these
        return x

    return tools.device(in_block)


def group_softmax(tools: Tools, size: int) -> Any:
    """Return the device function ``whole(m, s)``: `joined` over the group, in each thread."""
    cuda = tools.cuda
    real, warps = tools.real, size // WARP
    width = min(size, WARP)
    join = tools.device(joined)

    def in_warp(m: float, s: float) -> tuple[float, float]:
        offset = width // 2
        while offset > 0:
            other_m = cuda.shfl_xor_sync(ALL_LANES, m, offset)
            other_s = cuda.shfl_xor_sync(ALL_LANES, s, offset)
            m, s = join(m, s, other_m, other_s)
            offset //= 2
        cuda.syncwarp(ALL_LANES)
        return m, s

    warp_whole = tools.device(in_warp)
    if size <= WARP:
        return warp_whole

    def in_block(m: float, s: float) -> tuple[float, float]:
        maxima = cuda.shared.array(warps, real)
        sums = cuda.shared.array(warps, real)
        m, s = warp_whole(m, s)
        if cuda.threadIdx.x % WARP == 0:
            maxima[cuda.threadIdx.x // WARP] = m
            sums[cuda.threadIdx.x // WARP] = s
        cuda.syncthreads()
        m, s = maxima[0], sums[0]
        for warp in range(1, warps):
            m, s = join(m, s, maxima[warp], sums[warp])
        cuda.syncthreads()
        return m, s

    return tools.device(in_block)


def group_barrier(tools: Tools, size: int) -> Any:
    """Return the device function ``wait()``, by which the group waits where it does not reduce."""
    cuda = tools.cuda

    def in_warp() -> None:
        cuda.syncwarp(ALL_LANES)

    def in_block() -> None:
        cuda.syncthreads()

    return tools.device(in_warp if size <= WARP else in_block)
