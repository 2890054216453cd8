r"""Adagrad; the formulas are those of the reference.

As the kernel computes them, with fma(a, b, c) = a b + c rounded once:

.. math::
    v = \operatorname{fma}(g,\, g,\, v), \qquad
    p = \operatorname{fma}\left(-η,\, \frac{g}{\sqrt{v + v_0} + ε},\, p\right)

The reference rounds g² besides; where that overflows, so does the sum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .rule import UpdateRule

if TYPE_CHECKING:
    from ..codegen.function import Function
    from ..codegen.values import Real
    from .rule import Reals


def _adagrad(f: Function, p: Real, g: Real, states: Reals, numbers: Reals) -> tuple[Real, Reals]:  # noqa: ARG001
    initial, eps, lr = numbers
    v = g.fma(g, states[0])
    return (-lr).fma(g / ((v + initial).sqrt() + eps), p), (v,)


ADAGRAD = UpdateRule("adagrad", ("v",), ("initial", "eps", "lr"), _adagrad, unroll=2)
