"""One optimizer: its step on tiles of a weight's gradient and on flat vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..optimizers import RULES
from ..product.apply import write_apply

if TYPE_CHECKING:
    from ..codegen.function import Module

__all__ = ["VARIANTS", "write"]

VARIANTS = tuple(RULES)


def write(module: Module, variant: str) -> None:
    """Write the kernels of the optimizer `variant`."""
    write_apply(module, RULES[variant])
