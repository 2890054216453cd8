"""The activations of the table on whole arrays, by the compiled kernels."""

import functools
from typing import Any

import numpy as np

from mlpcore.backends.cpu.array_cell import data_address
from mlpcore.backends.cpu.compiled import compiled
from mlpcore.backends.cpu.ready import ready
from mlpcore.kernels.reference.operation import Scope
from mlpcore.kernels.reference.operations import Activation
from mlpcore.signals import deferred_signals


class Elementwise:
    """a = f(z) and dz = da f'(z) for each element of an array.

    Parameters
    ----------
    activation : Activation
        The function f; `elementwise` says for which there are kernels.
    dtype : dtype
        float32 or float64.
    kernels : Kernels
        The unit of the function.
    """

    def __init__(self, activation: Activation, dtype: np.dtype[Any], kernels: Any) -> None:
        values = dict(activation.function.defaults) | dict(activation.settings)
        self._settings = np.array([values[key] for key in sorted(values)], dtype=dtype)
        self._at = data_address(self._settings)
        self._forward = kernels.function(f"{activation.name}_forward")
        self._backward = kernels.function(f"{activation.name}_backward")
        self._dtype = dtype

    def forward(self, z: Any) -> tuple[Any, Any]:
        """Return z as it was read, C-contiguous, and a."""
        z = ready(z, self._dtype)
        a = np.empty_like(z)
        self._forward(data_address(z), data_address(a), z.size, self._at)
        return z, a

    def backward(self, z: Any, a: Any, da: Any) -> Any:
        """Return dz for z, a = f(z) and the gradient `da` of a."""
        z, a = ready(z, self._dtype), ready(a, self._dtype)
        da = ready(da if da.shape == z.shape else np.broadcast_to(da, z.shape), self._dtype)
        dz = np.empty_like(z)
        places = [data_address(array) for array in (z, a, da, dz)]
        self._backward(*places, z.size, self._at)
        return dz


@functools.lru_cache(maxsize=256)
def elementwise(activation: Activation, dtype: np.dtype[Any]) -> Elementwise | None:
    """Return the kernels of an activation, or None if it has none."""
    if activation.custom is not None or activation.function.scope is not Scope.TILE:
        return None
    if activation.name == "identity":  # a copy is nothing to compute
        return None
    unit = f"activation.{activation.name}"
    # Interrupted in the middle of an import, Python may never let go of the module's lock.
    with deferred_signals():
        library = compiled(dtype, unit)
    return None if library is None else Elementwise(activation, dtype, library.kernels(unit))
