r"""The optimizers of the reference as formulas of one parameter, fused as the CPU fuses them.

With fma(a, b, c) = a b + c rounded once, γ = 1 / √(1 - β₂ᵗ), the running means
m = fma(1 - β₁, g, β₁ m) and v = fma(1 - β₂, g², β₂ v), and d' = fma(λ, p, d), or d where the decay
λ is 0:

=========  =====================================================================
plain      p = fma(-η, g, p)
momentum   v = fma(μ, v, g);  p = fma(-η, v, p)
Nesterov   v = fma(μ, v, g);  p = p - fma(ημ, v, η g)
Adam       p = fma(-η / (1 - β₁ᵗ), m / fma(γ, √v, ε), p)
AdamW      d = m / fma(γ, √v, ε);  p = fma(-η / (1 - β₁ᵗ), d', p)
NAdam      d = fma(a, g, b m) / fma(γ, √v, ε);  p = fma(-η, d', p)
RAdam      d = c m / (√v + ε), or c m in its first steps;  p = fma(-η, d', p)
RMSprop    v = fma(1 - α, g², α v);  p = fma(-η, g / (√v + ε), p)
 momentum  b = fma(μ, b, g / (√v + ε));  p = fma(-η, b, p)
 centered  s = (√v - |m|)(√v + |m|), at least 0;  p = fma(-η, g / (√s + ε), p)
Adagrad    v = fma(g, g, v);  p = fma(-η, g / (√(v + v₀) + ε), p)
Adadelta   d = √(u + ε) / √(v + ε) g;  u = fma(1 - ρ, d², ρ u);  p = fma(-η, d, p)
Lion       d = sign(fma(1 - β₁, g, β₁ m));  p = fma(-η, d', p)
=========  =====================================================================

The CPU's kernels round at the same places, so the same numbers give the same bits on both.  No
product that is rounded may stand in a sum: compilers for GPUs fuse what they can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any

from ..formulas import fused

DECAY = 9
"""Where a formula finds its own decay; the numbers before it stand at the places from 0 on."""


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
        How many numbers the step has.
    decoupled : bool, default False
        Whether the last of these is a decay of its own, for the parameters that decay alone;
        `update` finds it, or 0, at ``numbers[DECAY]``.
    """

    update: Callable[..., tuple[float, float, float]]
    states: int
    numbers: int
    decoupled: bool = False


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


def _with_decay(change: float, weight_decay: float, p: float) -> float:
    return change if weight_decay == 0.0 else fused(weight_decay, p, change)


def _adam(
    p: float, g: float, first: float, second: float, numbers: Any
) -> tuple[float, float, float]:
    m = fused(numbers[1], g, numbers[0] * first)
    v = fused(numbers[3], g * g, numbers[2] * second)
    change = m / fused(numbers[4], sqrt(v), numbers[5])
    return fused(-numbers[6], change, p), m, v


def _adamw(
    p: float, g: float, first: float, second: float, numbers: Any
) -> tuple[float, float, float]:
    m = fused(numbers[1], g, numbers[0] * first)
    v = fused(numbers[3], g * g, numbers[2] * second)
    change = _with_decay(m / fused(numbers[4], sqrt(v), numbers[5]), numbers[DECAY], p)
    return fused(-numbers[6], change, p), m, v


def _nadam(
    p: float, g: float, first: float, second: float, numbers: Any
) -> tuple[float, float, float]:
    m = fused(numbers[1], g, numbers[0] * first)
    v = fused(numbers[3], g * g, numbers[2] * second)
    ahead = fused(numbers[6], g, numbers[7] * m)
    change = _with_decay(ahead / fused(numbers[4], sqrt(v), numbers[5]), numbers[DECAY], p)
    return fused(-numbers[8], change, p), m, v


def _radam(
    p: float, g: float, first: float, second: float, numbers: Any
) -> tuple[float, float, float]:
    m = fused(numbers[1], g, numbers[0] * first)
    v = fused(numbers[3], g * g, numbers[2] * second)
    change = m if numbers[5] == 0.0 else m / (sqrt(v) + numbers[4])
    change = _with_decay(numbers[6] * change, numbers[DECAY], p)
    return fused(-numbers[7], change, p), m, v


def _rmsprop(
    p: float, g: float, first: float, second: float, numbers: Any
) -> tuple[float, float, float]:
    v = fused(numbers[1], g * g, numbers[0] * first)
    return fused(-numbers[3], g / (sqrt(v) + numbers[2]), p), v, second


def _rmsprop_momentum(
    p: float, g: float, first: float, second: float, numbers: Any
) -> tuple[float, float, float]:
    v = fused(numbers[1], g * g, numbers[0] * first)
    b = fused(numbers[3], second, g / (sqrt(v) + numbers[2]))
    return fused(-numbers[4], b, p), v, b


def _rmsprop_centered(
    p: float, g: float, first: float, second: float, numbers: Any
) -> tuple[float, float, float]:
    v = fused(numbers[1], g * g, numbers[0] * first)
    m = fused(numbers[1], g, numbers[0] * second)
    variance = (sqrt(v) - abs(m)) * (sqrt(v) + abs(m))
    if variance < 0.0:
        variance = 0.0  # NaN stays
    return fused(-numbers[3], g / (sqrt(variance) + numbers[2]), p), v, m


def _adagrad(
    p: float, g: float, first: float, second: float, numbers: Any
) -> tuple[float, float, float]:
    v = fused(g, g, first)
    return fused(-numbers[2], g / (sqrt(v + numbers[0]) + numbers[1]), p), v, second


def _adadelta(
    p: float, g: float, first: float, second: float, numbers: Any
) -> tuple[float, float, float]:
    v = fused(numbers[1], g * g, numbers[0] * first)
    change = sqrt(second + numbers[2]) / sqrt(v + numbers[2]) * g
    u = fused(numbers[1], change * change, numbers[0] * second)
    return fused(-numbers[3], change, p), v, u


def _lion(
    p: float, g: float, first: float, second: float, numbers: Any
) -> tuple[float, float, float]:
    ahead = fused(numbers[1], g, numbers[0] * first)
    sign = 1.0 if ahead > 0.0 else -1.0 if ahead < 0.0 else ahead
    m = fused(numbers[3], g, numbers[2] * first)
    return fused(-numbers[4], _with_decay(sign, numbers[DECAY], p), p), m, second


RULES: Mapping[str, Rule] = {
    "sgd": Rule(_plain, 0, 1),
    "sgd_momentum": Rule(_momentum, 1, 2),
    "sgd_nesterov": Rule(_nesterov, 1, 3),
    "adam": Rule(_adam, 2, 7),
    "adamw": Rule(_adamw, 2, 8, decoupled=True),
    "nadam": Rule(_nadam, 2, 10, decoupled=True),
    "radam": Rule(_radam, 2, 9, decoupled=True),
    "rmsprop": Rule(_rmsprop, 1, 4),
    "rmsprop_momentum": Rule(_rmsprop_momentum, 2, 5),
    "rmsprop_centered": Rule(_rmsprop_centered, 2, 4),
    "adagrad": Rule(_adagrad, 1, 3),
    "adadelta": Rule(_adadelta, 2, 4),
    "lion": Rule(_lion, 1, 6, decoupled=True),
}
"""Each rule by its name, which is that of the CPU's rule too."""
