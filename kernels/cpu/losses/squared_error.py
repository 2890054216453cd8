r"""The squared error: l = (z - t)², dz = 2 (z - t).  No settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .panel import LossColumn, write_elementwise

if TYPE_CHECKING:
    from ..codegen.function import Module
    from ..codegen.values import Int, Real


def write_squared_error(module: Module) -> None:
    """Write the kernel ``mse``."""
    write_elementwise(module, "mse", _each)


def _each(rows: LossColumn, k: Int, z: Real, t: Real) -> tuple[Real, Real]:  # noqa: ARG001
    d = z - t
    return d * d, d + d
