"""Layers that are neither products nor activations, on whole arrays, by the compiled kernels."""

import functools
from typing import Any

import numpy as np

from mlpcore.backends.base import Saved
from mlpcore.backends.cpu.compiled import compiled
from mlpcore.backends.cpu.layers.batch_norm import BatchNormKernels
from mlpcore.backends.cpu.layers.dropout import DropoutKernels
from mlpcore.backends.cpu.layers.gaussian_noise import GaussianNoiseKernels
from mlpcore.backends.cpu.layers.kernels import LayerKernels
from mlpcore.backends.cpu.layers.layer_norm import LayerNormKernels
from mlpcore.kernels.reference.operation import Operation
from mlpcore.kernels.reference.operations import BatchNorm, Dropout, GaussianNoise, LayerNorm
from mlpcore.signals import deferred_signals

__all__ = ["LayerKernels", "layer_kernels", "saved_by"]

_CLASSES: dict[type[Operation], tuple[type[LayerKernels], str]] = {
    BatchNorm: (BatchNormKernels, "layer.batch_norm"),
    Dropout: (DropoutKernels, "layer.dropout"),
    GaussianNoise: (GaussianNoiseKernels, "normal_numbers"),
    LayerNorm: (LayerNormKernels, "layer.layer_norm"),
}
"""What computes each operation, and with which unit of kernels."""


def layer_kernels(operation: Operation, dtype: np.dtype[Any]) -> LayerKernels | None:
    """Return what computes an operation in float32 or float64, or None where the reference does."""
    # An operation of a user's own need not be hashable.
    return _made(operation, dtype) if type(operation) in _CLASSES else None


def saved_by(operation: Operation, rows: int, width: int, itemsize: int) -> Saved | None:
    """Return what such kernels leave for the way back, without loading them, or None likewise."""
    found = _CLASSES.get(type(operation))
    return None if found is None else found[0].saved(operation, rows, width, itemsize)


@functools.lru_cache(maxsize=256)
def _made(operation: Operation, dtype: np.dtype[Any]) -> LayerKernels | None:
    cls, unit = _CLASSES[type(operation)]
    # Interrupted in the middle of an import, Python may never let go of the module's lock.
    with deferred_signals():
        library = compiled(cls.kernel_dtype or dtype, unit)
    return None if library is None else cls(operation, dtype, library.kernels(unit))
