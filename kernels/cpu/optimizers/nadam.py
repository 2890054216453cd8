r"""NAdam; the formulas are those of the reference.

As the kernel computes them, with Adam's m and v, and the numbers of step t

.. math::
    γ_t = \frac{1}{\sqrt{1 - β_2^t}}, \qquad
    a_t = \frac{1 - μ_t}{1 - Π_t}, \qquad b_t = \frac{μ_{t+1}}{1 - Π_{t+1}}

computed in double precision on the host:

.. math::
    change = \frac{\operatorname{fma}(a_t,\, g,\, b_t m)}{\operatorname{fma}(γ_t, \sqrt{v}, ε)},
    \qquad p = \operatorname{fma}(-η,\, \operatorname{fma}(λ,\, p,\, change),\, p)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .adam import ADAM, adam_means
from .rule import UpdateRule, decayed_step

if TYPE_CHECKING:
    from ..codegen.function import Function
    from ..codegen.values import Real
    from .rule import Reals


def _nadam(f: Function, p: Real, g: Real, states: Reals, numbers: Reals) -> tuple[Real, Reals]:  # noqa: ARG001
    *betas, root_scale, eps, of_g, of_m, lr, weight_decay = numbers
    m, v = adam_means(g, states, tuple(betas))
    change = of_g.fma(g, of_m * m) / root_scale.fma(v.sqrt(), eps)
    return decayed_step(p, change, lr, weight_decay), (m, v)


NADAM = UpdateRule(
    "nadam",
    ADAM.states,
    (
        *ADAM.slots[:6],  # to eps
        "(1 - mu(step)) / (1 - mu_product(step))",
        "mu(step + 1) / (1 - mu_product(step + 1))",
        "lr",
        "weight_decay",
    ),
    _nadam,
    unroll=2,
    decoupled=True,
)
