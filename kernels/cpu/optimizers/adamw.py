r"""AdamW; the formulas are those of the reference.

As the kernel computes them, with Adam's m, v and ``change``, and the number of step t

.. math::
    λ_t = λ (1 - β_1^t)

computed in double precision on the host:

.. math::
    p = \operatorname{fma}(-η_t,\, \operatorname{fma}(λ_t,\, p,\, change),\, p)

The decay is added to the change while that is small, so that p is rounded once.  Where λ is 0, the
bits are Adam's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .adam import ADAM, adam_change
from .rule import UpdateRule, decayed_step

if TYPE_CHECKING:
    from ..codegen.function import Function
    from ..codegen.values import Real
    from .rule import Reals


def _adamw(f: Function, p: Real, g: Real, states: Reals, numbers: Reals) -> tuple[Real, Reals]:  # noqa: ARG001
    *means, lr, weight_decay = numbers
    change, remembered = adam_change(g, states, tuple(means))
    return decayed_step(p, change, lr, weight_decay), remembered


ADAMW = UpdateRule(
    "adamw",
    ADAM.states,
    (*ADAM.slots, "weight_decay * (1 - beta1**step)"),
    _adamw,
    unroll=2,
    decoupled=True,
)
