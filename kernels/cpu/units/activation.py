"""One activation of elements, forward and backward."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...reference.activations import ACTIVATIONS
from ..activations import EMITTERS
from ..activations.flat_map import write_activation

if TYPE_CHECKING:
    from ..codegen.function import Module

__all__ = ["VARIANTS", "write"]

VARIANTS = tuple(EMITTERS)


def write(module: Module, variant: str) -> None:
    """Write the kernels of the activation `variant`."""
    write_activation(module, variant, len(ACTIVATIONS[variant].defaults))
