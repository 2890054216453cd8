r"""The optimizers of the reference as formulas of one parameter, fused as the CPU fuses them.

With fma(a, b, c) = a b + c rounded once:

=========  =====================================================================
plain      p = fma(-η, g, p)
momentum   v = fma(μ, v, g);  p = fma(-η, v, p)
Nesterov   v = fma(μ, v, g);  p = p - fma(ημ, v, η g)
Adam       m = fma(1 - β₁, g, β₁ m);  v = fma(1 - β₂, g², β₂ v);
           p = fma(-η / (1 - β₁ᵗ), m / fma(1 / √(1 - β₂ᵗ), √v, ε), p)
=========  =====================================================================

The CPU's kernels round at the same places, so the same numbers give the same bits on both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any

from ..formulas import fused


@dataclass(frozen=True)
class Rule:
    """One step of an optimizer.

    Attributes
    ----------
    update : callable
        ``update(p, g, first, second, numbers) -> (p, first, second)`` for one parameter; `first`
        and `second` are what is remembered of it, zeros where nothing is.
    states : int
        How many numbers are remembered of a parameter.
    numbers : int
        How many numbers of the step `update` reads.
    """

    update: Callable[..., tuple[float, float, float]]
    states: int
    numbers: int


def _plain(
    p: float, g: float, first: float, second: float, numbers: Any
) -> tuple[float, float, float]:
    return fused(-numbers[0], g, p), first, second


def _momentum(
    p: float, g: float, first: float, second: float, numbers: Any
) -> tuple[float, float, float]:
    v = fused(numbers[1], first, g)
    return fused(-numbers[0], v, p), v, second


def _nesterov(
    p: float, g: float, first: float, second: float, numbers: Any
) -> tuple[float, float, float]:
    v = fused(numbers[1], first, g)
    return p - fused(numbers[2], v, numbers[0] * g), v, second


def _adam(
    p: float, g: float, first: float, second: float, numbers: Any
) -> tuple[float, float, float]:
    m = fused(numbers[1], g, numbers[0] * first)
    v = fused(numbers[3], g * g, numbers[2] * second)
    change = m / fused(numbers[4], sqrt(v), numbers[5])
    return fused(-numbers[6], change, p), m, v


RULES: Mapping[str, Rule] = {
    "sgd": Rule(_plain, 0, 1),
    "sgd_momentum": Rule(_momentum, 1, 2),
    "sgd_nesterov": Rule(_nesterov, 1, 3),
    "adam": Rule(_adam, 2, 7),
}
"""Each rule by its name, which is that of the CPU's rule too."""
