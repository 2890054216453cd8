r"""RAdam; the formulas are those of the reference.

As the kernel computes them, with Adam's m and v, and the numbers of step t

.. math::
    R_t = r_t \sqrt{1 - β_2^t} \text{ or } 0, \qquad
    c_t = \frac{R_t \text{ or } 1}{1 - β_1^t}

computed in double precision on the host:

.. math::
    change = c_t \begin{cases} m / (\sqrt{v} + ε) & R_t \ne 0 \\ m & R_t = 0 \end{cases}, \qquad
    p = \operatorname{fma}(-η,\, \operatorname{fma}(λ,\, p,\, change),\, p)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .adam import ADAM, adam_means
from .rule import UpdateRule, decayed_step

if TYPE_CHECKING:
    from ..codegen.function import Function
    from ..codegen.values import Real
    from .rule import Reals


def _radam(f: Function, p: Real, g: Real, states: Reals, numbers: Reals) -> tuple[Real, Reals]:  # noqa: ARG001
    *betas, eps, rectified, scale, lr, weight_decay = numbers
    m, v = adam_means(g, states, tuple(betas))
    change = scale * rectified.equals(0.0).select(m, m / (v.sqrt() + eps))
    return decayed_step(p, change, lr, weight_decay), (m, v)


RADAM = UpdateRule(
    "radam",
    ADAM.states,
    (
        *ADAM.slots[:4],  # the betas
        "eps",
        "rectification(step)",
        "(rectification(step) or 1) / (1 - beta1**step)",
        "lr",
        "weight_decay",
    ),
    _radam,
    unroll=2,
    decoupled=True,
)
