r"""Adadelta; the formulas are those of the reference.

As the kernel computes them, with fma(a, b, c) = a b + c rounded once:

.. math::
    v = \operatorname{fma}(1-ρ,\, g^2,\, ρ v), \qquad
    d = \frac{\sqrt{u + ε}}{\sqrt{v + ε}} g, \qquad
    u = \operatorname{fma}(1-ρ,\, d^2,\, ρ u), \qquad p = \operatorname{fma}(-η,\, d,\, p)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .rule import UpdateRule

if TYPE_CHECKING:
    from ..codegen.function import Function
    from ..codegen.values import Real
    from .rule import Reals


def _adadelta(f: Function, p: Real, g: Real, states: Reals, numbers: Reals) -> tuple[Real, Reals]:  # noqa: ARG001
    rho, rest, eps, lr = numbers
    v, u = states
    v = rest.fma(g * g, rho * v)
    change = (u + eps).sqrt() / (v + eps).sqrt() * g
    u = rest.fma(change * change, rho * u)
    return (-lr).fma(change, p), (v, u)


ADADELTA = UpdateRule("adadelta", ("v", "u"), ("rho", "1 - rho", "eps", "lr"), _adadelta, unroll=2)
