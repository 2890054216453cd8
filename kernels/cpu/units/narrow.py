"""Layers on a few rows of a pass that is differentiated, both ways."""

from ..product.narrow import write_narrow as write

__all__ = ["write"]
