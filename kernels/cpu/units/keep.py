"""Gradients that are kept as they are."""

from ..product.apply import write_keep as write

__all__ = ["write"]
