r"""The Poisson loss of counts t with the mean e^z: l = e^z - t z, dz = e^z - t.  No settings."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from ..math.exponential import exp
from .panel import LossColumn, write_elementwise

if TYPE_CHECKING:
    from ..codegen.function import Module
    from ..codegen.values import Int, Real


def write_poisson(module: Module) -> None:
    """Write the kernel ``poisson``."""
    write_elementwise(module, "poisson", _each)


def _each(rows: LossColumn, k: Int, z: Real, t: Real) -> tuple[Real, Real]:  # noqa: ARG001
    mean = exp(z)
    # What was not counted costs nothing by z, also by -∞; an infinite mean costs what it is.
    by_mean_alone = t.equals(0.0) | mean.equals(inf)
    loss: Real = by_mean_alone.select(mean, mean - t * z)
    return loss, mean - t
