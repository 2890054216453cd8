r"""The absolute error: l = \|z - t\|, dz = sign(z - t), 0 where they are equal.  No settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .panel import LossColumn, write_elementwise

if TYPE_CHECKING:
    from ..codegen.function import Module
    from ..codegen.values import Int, Real


def write_absolute_error(module: Module) -> None:
    """Write the kernel ``mae``."""
    write_elementwise(module, "mae", _each)


def _each(rows: LossColumn, k: Int, z: Real, t: Real) -> tuple[Real, Real]:  # noqa: ARG001
    d = z - t
    # What is neither above 0 nor below is a zero or NaN, and its own sign.
    sign: Real = (d > 0.0).select(1.0, (d < 0.0).select(-1.0, d))
    return d.abs(), sign
