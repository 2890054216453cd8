"""Passes that are differentiated, and training steps."""

from ..product.training import write_passes as write

__all__ = ["write"]
