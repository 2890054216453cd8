"""Batches as panels, and back, for those who do not predict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..product.panels import write_from_panels, write_into_panels

if TYPE_CHECKING:
    from ..codegen.function import Module

__all__ = ["write"]


def write(module: Module) -> None:
    """Write both directions."""
    write_into_panels(module)
    write_from_panels(module)
