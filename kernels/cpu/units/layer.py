"""One layer that is neither product nor activation, forward and backward, on whole arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..layers.batch_norm import write_batch_norm
from ..layers.dropout import write_dropout
from ..layers.layer_norm import write_layer_norm

if TYPE_CHECKING:
    from ..codegen.function import Module

__all__ = ["VARIANTS", "write"]

_WRITERS = {
    "batch_norm": write_batch_norm,
    "dropout": write_dropout,
    "layer_norm": write_layer_norm,
}

VARIANTS = tuple(_WRITERS)


def write(module: Module, variant: str) -> None:
    """Write the kernels of the layer `variant`."""
    _WRITERS[variant](module)
