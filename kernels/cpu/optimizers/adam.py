r"""Adam; the formulas are those of the reference.

As the kernel computes them, with fma(a, b, c) = a b + c rounded once and the numbers of step t

.. math::
    γ_t = \frac{1}{\sqrt{1 - β_2^t}}, \qquad η_t = \frac{η}{1 - β_1^t}

computed in double precision on the host:

.. math::
    m = \operatorname{fma}(1-β_1,\, g,\, β_1 m), \qquad
    v = \operatorname{fma}(1-β_2,\, g^2,\, β_2 v), \qquad
    p = \operatorname{fma}\left(-η_t,\, \frac{m}{\operatorname{fma}(γ_t, \sqrt{v}, ε)},\, p\right)

The reference divides √v by √(1 - β₂ᵗ), a second division, and rounds each product, so the two
differ by roundings.  A g² that overflows makes v infinite and the step 0, in both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .rule import UpdateRule

if TYPE_CHECKING:
    from ..codegen.function import Function
    from ..codegen.values import Real
    from .rule import Reals


def adam_means(g: Real, states: Reals, betas: Reals) -> tuple[Real, Real]:
    """Return the next m and v; `betas` are the first four slots."""
    beta1, rest1, beta2, rest2 = betas
    m, v = states
    return rest1.fma(g, beta1 * m), rest2.fma(g * g, beta2 * v)


def adam_change(g: Real, states: Reals, numbers: Reals) -> tuple[Real, Reals]:
    """Return m / (√v̂ + ε) for the next m and v, and these; `numbers` are the slots before η."""
    *betas, root_scale, eps = numbers
    m, v = adam_means(g, states, tuple(betas))
    return m / root_scale.fma(v.sqrt(), eps), (m, v)


def _adam(f: Function, p: Real, g: Real, states: Reals, numbers: Reals) -> tuple[Real, Reals]:  # noqa: ARG001
    *means, lr = numbers
    change, remembered = adam_change(g, states, tuple(means))
    return (-lr).fma(change, p), remembered


ADAM = UpdateRule(
    "adam",
    ("m", "v"),
    (
        "beta1",
        "1 - beta1",
        "beta2",
        "1 - beta2",
        "1 / sqrt(1 - beta2**step)",
        "eps",
        "lr / (1 - beta1**step)",
    ),
    _adam,
    unroll=2,
)
