"""One layer that is neither product nor activation, forward and backward, on panels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..panel_layers.batch_norm import write_panel_batch_norm
from ..panel_layers.dropout import write_panel_dropout
from ..panel_layers.layer_norm import write_panel_layer_norm

if TYPE_CHECKING:
    from ..codegen.function import Module

__all__ = ["VARIANTS", "write"]

_WRITERS = {
    "batch_norm": write_panel_batch_norm,
    "dropout": write_panel_dropout,
    "layer_norm": write_panel_layer_norm,
}

VARIANTS = tuple(_WRITERS)


def write(module: Module, variant: str) -> None:
    """Write the kernels of the layer `variant`."""
    _WRITERS[variant](module)
