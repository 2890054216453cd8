r"""Losses of single elements, summed over each row, and their gradients, in one pass.

==================== ============================================ ================================
name                 l                                            dz
==================== ============================================ ================================
mse                  d², d = z - t                                2 d
mae                  \|d\|                                        sign d
huber                d²/2 within δ, δ (\|d\| - δ/2) beyond        d held within ±δ
binary_cross_entropy p t softplus(-z) + (1 - t) softplus(z)       (1 - t) σ(z) - p t σ(-z)
poisson              e^z - t z                                    e^z - t
==================== ============================================ ================================

The setting of huber is δ, that of binary_cross_entropy p.  The sources are those of the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import exp, isinf, log1p
from typing import Any

from ..compiler import KernelSource
from ..formulas import Tools
from ..groups import group_sum, groups_of_block


def _squared(z: float, t: float, setting: float) -> tuple[float, float]:  # noqa: ARG001
    d = z - t
    return d * d, 2.0 * d


def _absolute(z: float, t: float, setting: float) -> tuple[float, float]:  # noqa: ARG001
    d = z - t
    # What is neither above 0 nor below is a zero or NaN, and its own sign.
    return abs(d), 1.0 if d > 0.0 else (-1.0 if d < 0.0 else d)


def _huber(z: float, t: float, setting: float) -> tuple[float, float]:
    d = z - t
    distance = abs(d)
    if distance <= setting:
        return 0.5 * d * d, d
    line = setting * (distance - 0.5 * setting)
    return line, setting if d > 0.0 else (-setting if d < 0.0 else d)


def _binary(z: float, t: float, setting: float) -> tuple[float, float]:
    positive, negative = setting * t, 1.0 - t
    distance = abs(z)
    e = exp(-distance)
    larger, smaller = 1.0 / (1.0 + e), e / (1.0 + e)  # sigmoid at |z| and at -|z|
    if z >= 0.0:
        against, dz = negative, negative * larger - positive * smaller
    else:
        against, dz = positive, negative * smaller - positive * larger
    # An answer that nothing stands against costs nothing by its distance, also an infinite one.
    by_distance = against if against == 0.0 else against * distance
    return by_distance + (positive + negative) * log1p(e), dz


def _poisson(z: float, t: float, setting: float) -> tuple[float, float]:  # noqa: ARG001
    mean = exp(z)
    # What was not counted costs nothing by z, also by -∞; an infinite mean costs what it is.
    return mean if t == 0.0 or isinf(mean) else mean - t * z, mean - t


ELEMENTS: Mapping[str, Callable[[float, float, float], tuple[float, float]]] = {
    "mse": _squared,
    "mae": _absolute,
    "huber": _huber,
    "binary_cross_entropy": _binary,
    "poisson": _poisson,
}
"""``formula(z, t, setting) -> (l, dz)`` of each loss by its name."""


def elements(tools: Tools, name: str, size: int, weighted: bool, by_feature: bool) -> KernelSource:
    """Write the kernel for groups of `size` threads.

    The weight of a row is w[row], or `share`; the setting p[feature], or `setting`.
    """
    cuda = tools.cuda
    groups = groups_of_block(size)
    each, total_of = tools.device(ELEMENTS[name]), group_sum(tools, size)

    def kernel(
        z: Any, t: Any, p: Any, w: Any, losses: Any, dz: Any, rows: int, features: int,
        share: float, setting: float,
    ) -> None:  # fmt: skip
        lane = cuda.threadIdx.x % size
        first = cuda.blockIdx.x * groups
        while first < rows:
            row = first + cuda.threadIdx.x // size
            there = row < rows
            start, weight, total = row * features, share, 0.0
            if weighted and there:
                weight = w[row]
            for k in range(lane, features if there else 0, size):
                loss, slope = each(z[start + k], t[start + k], p[k] if by_feature else setting)
                # Weighted before the sum, a mean stays finite where the sum would overflow.
                total += 0.0 if weight == 0.0 else loss * weight
                dz[start + k] = 0.0 if weight == 0.0 else slope * weight
            total = total_of(total)
            if there and lane == 0:
                losses[row] = total
            first += cuda.gridDim.x * groups

    return KernelSource(kernel, "real* real* real* real* real* real* int int real real")
