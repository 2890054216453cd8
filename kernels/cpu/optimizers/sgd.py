r"""Gradient descent, plain and with momentum; the formulas are those of the reference.

As the kernel computes them, with fma(a, b, c) = a b + c rounded once:

=========  ===========================================================
plain      p = fma(-η, g, p)
momentum   v = fma(μ, v, g);  p = fma(-η, v, p)
Nesterov   v = fma(μ, v, g);  p = p - fma(ημ, v, η g)
=========  ===========================================================

The reference rounds each product besides, so the two differ by roundings of those products, and
where a product overflows that the sum does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .rule import UpdateRule

if TYPE_CHECKING:
    from ..codegen.function import Function
    from ..codegen.values import Real
    from .rule import Reals


def _plain(f: Function, p: Real, g: Real, states: Reals, numbers: Reals) -> tuple[Real, Reals]:  # noqa: ARG001
    (lr,) = numbers
    return (-lr).fma(g, p), ()


def _momentum(f: Function, p: Real, g: Real, states: Reals, numbers: Reals) -> tuple[Real, Reals]:  # noqa: ARG001
    lr, momentum = numbers
    v = momentum.fma(states[0], g)
    return (-lr).fma(v, p), (v,)


def _nesterov(f: Function, p: Real, g: Real, states: Reals, numbers: Reals) -> tuple[Real, Reals]:  # noqa: ARG001
    lr, momentum, ahead = numbers
    v = momentum.fma(states[0], g)
    return p - ahead.fma(v, lr * g), (v,)


SGD = UpdateRule("sgd", (), ("lr",), _plain, unroll=4)
SGD_MOMENTUM = UpdateRule("sgd_momentum", ("v",), ("lr", "momentum"), _momentum, unroll=4)
SGD_NESTEROV = UpdateRule(
    "sgd_nesterov", ("v",), ("lr", "momentum", "lr * momentum"), _nesterov, unroll=4
)
