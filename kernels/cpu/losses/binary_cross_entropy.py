r"""The cross-entropy of sigmoid(z) against the probability t of the positive class.

.. math::
    l = p\,t \operatorname{softplus}(-z) + (1-t) \operatorname{softplus}(z), \qquad
    dz = (1-t)\, σ(z) - p\,t\, σ(-z), \qquad
    \operatorname{softplus}(z) = \max(z, 0) + \operatorname{log1p} e^{-|z|}

The settings are p, one number for each feature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..math.exponential import exp_of_negative
from ..math.logarithm import log1p_of_unit
from .panel import LossColumn, write_elementwise

if TYPE_CHECKING:
    from ..codegen.function import Module
    from ..codegen.values import Int, Real


def write_binary_cross_entropy(module: Module) -> None:
    """Write the kernel ``binary_cross_entropy``."""
    write_elementwise(module, "binary_cross_entropy", _each)


def _each(rows: LossColumn, k: Int, z: Real, t: Real) -> tuple[Real, Real]:
    positive, negative = rows.settings.real(k).splat() * t, 1.0 - t
    distance = z.abs()
    e = exp_of_negative(-distance)
    above = z >= 0.0
    against: Real = above.select(negative, positive)  # what is lost on z by |z|
    # An answer that nothing stands against costs nothing by its distance, also an infinite one.
    by_distance: Real = against.equals(0.0).select(against, against * distance)
    loss = (positive + negative).fma(log1p_of_unit(e), by_distance)
    larger = 1.0 / (1.0 + e)  # sigmoid at |z|, and at -|z|:
    smaller = e * larger
    up: Real = above.select(larger, smaller)
    down: Real = above.select(smaller, larger)
    return loss, negative * up - positive * down
