"""One loss on panels of logits, and the sum over a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..losses import LOSSES, write_sum_blocks

if TYPE_CHECKING:
    from ..codegen.function import Module

__all__ = ["VARIANTS", "write"]

VARIANTS = tuple(LOSSES)


def write(module: Module, variant: str) -> None:
    """Write the kernel of the loss `variant`, and ``sum_blocks``."""
    LOSSES[variant](module)
    write_sum_blocks(module)
