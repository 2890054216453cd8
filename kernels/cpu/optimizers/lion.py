r"""Lion; the formulas are those of the reference.

As the kernel computes them, with fma(a, b, c) = a b + c rounded once:

.. math::
    s = \operatorname{sign}(\operatorname{fma}(1-β_1,\, g,\, β_1 m)), \qquad
    p = \operatorname{fma}(-η,\, \operatorname{fma}(λ,\, p,\, s),\, p), \qquad
    m = \operatorname{fma}(1-β_2,\, g,\, β_2 m)

The sign of 0 is 0, that of NaN is NaN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .rule import UpdateRule, decayed_step

if TYPE_CHECKING:
    from ..codegen.function import Function
    from ..codegen.values import Real
    from .rule import Reals


def _lion(f: Function, p: Real, g: Real, states: Reals, numbers: Reals) -> tuple[Real, Reals]:
    beta1, rest1, beta2, rest2, lr, weight_decay = numbers
    (m,) = states
    ahead = rest1.fma(g, beta1 * m)
    one = f.number(1.0)
    sign = (ahead > 0.0).select(one, (ahead < 0.0).select(-one, ahead))
    m = rest2.fma(g, beta2 * m)
    return decayed_step(p, sign, lr, weight_decay), (m,)


LION = UpdateRule(
    "lion",
    ("m",),
    ("beta1", "1 - beta1", "beta2", "1 - beta2", "lr", "weight_decay"),
    _lion,
    unroll=4,
    decoupled=True,
)
