r"""RMSprop, plain, with momentum, and centered; the formulas are those of the reference.

As the kernel computes them, with fma(a, b, c) = a b + c rounded once and r = √v:

=========  ==================================================================
all        v = fma(1 - α, g², α v)
plain      p = fma(-η, g / (r + ε), p)
momentum   b = fma(μ, b, g / (r + ε));  p = fma(-η, b, p)
centered   m = fma(1 - α, g, α m);  s = (r - |m|)(r + |m|), or 0 if that is less;
           p = fma(-η, g / (√s + ε), p)
=========  ==================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .rule import UpdateRule

if TYPE_CHECKING:
    from ..codegen.function import Function
    from ..codegen.values import Real
    from .rule import Reals


def _plain(f: Function, p: Real, g: Real, states: Reals, numbers: Reals) -> tuple[Real, Reals]:  # noqa: ARG001
    alpha, rest, eps, lr = numbers
    v = rest.fma(g * g, alpha * states[0])
    return (-lr).fma(g / (v.sqrt() + eps), p), (v,)


def _momentum(f: Function, p: Real, g: Real, states: Reals, numbers: Reals) -> tuple[Real, Reals]:  # noqa: ARG001
    alpha, rest, eps, momentum, lr = numbers
    v, b = states
    v = rest.fma(g * g, alpha * v)
    b = momentum.fma(b, g / (v.sqrt() + eps))
    return (-lr).fma(b, p), (v, b)


def _centered(f: Function, p: Real, g: Real, states: Reals, numbers: Reals) -> tuple[Real, Reals]:
    alpha, rest, eps, lr = numbers
    v, m = states
    v = rest.fma(g * g, alpha * v)
    m = rest.fma(g, alpha * m)
    root, size = v.sqrt(), m.abs()
    variance = (root - size) * (root + size)
    variance = (variance < 0.0).select(f.number(0.0), variance)  # NaN stays
    return (-lr).fma(g / (variance.sqrt() + eps), p), (v, m)


_SLOTS = ("alpha", "1 - alpha", "eps")
RMSPROP = UpdateRule("rmsprop", ("v",), (*_SLOTS, "lr"), _plain, unroll=2)
RMSPROP_MOMENTUM = UpdateRule(
    "rmsprop_momentum", ("v", "b"), (*_SLOTS, "momentum", "lr"), _momentum, unroll=2
)
RMSPROP_CENTERED = UpdateRule("rmsprop_centered", ("v", "m"), (*_SLOTS, "lr"), _centered, unroll=2)
