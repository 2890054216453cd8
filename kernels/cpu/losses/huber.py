r"""Huber's loss: d²/2 for d = z - t within δ of 0, δ (\|d\| - δ/2) beyond; dz is d held in [-δ, δ].

The settings are δ alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .panel import LossColumn, write_elementwise

if TYPE_CHECKING:
    from ..codegen.function import Module
    from ..codegen.values import Int, Real


def write_huber(module: Module) -> None:
    """Write the kernel ``huber``."""
    write_elementwise(module, "huber", _each)


def _each(rows: LossColumn, k: Int, z: Real, t: Real) -> tuple[Real, Real]:  # noqa: ARG001
    delta = rows.settings.real(0).splat()
    d = z - t
    distance = d.abs()
    line = delta * (distance - 0.5 * delta)
    loss: Real = (distance <= delta).select(0.5 * (d * d), line)
    return loss, d.above(-delta).below(delta)
