"""Layers of a pass that is differentiated, the weights read as they lie."""

from ..product.natural import write_natural_layer as write

__all__ = ["write"]
