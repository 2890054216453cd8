"""The gradient of a layer's input, for many rows."""

from ..product.backward import write_input_gradient as write

__all__ = ["write"]
