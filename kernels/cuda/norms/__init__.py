"""Batch and layer normalisation, forward and backward."""

from .batch_norm import batch_norm_backward, batch_norm_forward
from .layer_norm import layer_norm_backward, layer_norm_forward

__all__ = [
    "batch_norm_backward",
    "batch_norm_forward",
    "layer_norm_backward",
    "layer_norm_forward",
]
