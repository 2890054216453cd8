"""One activation of whole rows, forward and backward."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..rows.log_softmax import write_log_softmax
from ..rows.softmax import write_softmax

if TYPE_CHECKING:
    from ..codegen.function import Module

__all__ = ["VARIANTS", "write"]

_WRITERS = {"softmax": write_softmax, "log_softmax": write_log_softmax}

VARIANTS = tuple(_WRITERS)


def write(module: Module, variant: str) -> None:
    """Write the kernels of the activation `variant`."""
    _WRITERS[variant](module)
