"""Activations by the compiled kernels where there are some, and by the reference elsewhere.

NumPy computes GELU or Mish in many passes over an array, a kernel in one: a hundred times faster.
Products stay with NumPy: the kernels read weights in an order of their own, and bringing them into
it for a single call takes longer than is gained.
"""

from types import ModuleType
from typing import Any

import numpy as np

from mlpcore.backends.cpu.elementwise import Elementwise, elementwise
from mlpcore.kernels.reference.operations import Activation


def activate(xp: ModuleType, f: Activation, z: Any) -> Any:
    """Return a = f(z) for an array of the namespace `xp`, float32 or float64."""
    kernels = _kernels(xp, f, z)
    if kernels is not None:
        return kernels.forward(z)[1]
    return f.function.forward(xp, z, **dict(f.settings))


def differentiate(xp: ModuleType, f: Activation, z: Any, a: Any, da: Any) -> Any:
    """Return dz, the vector-Jacobian product of f at `z`, where it is `a`, with `da`."""
    kernels = _kernels(xp, f, z)
    if kernels is not None:
        return kernels.backward(z, a, da)
    return f.function.backward(xp, z, a, da, **dict(f.settings))


def _kernels(xp: ModuleType, f: Activation, z: Any) -> Elementwise | None:
    return elementwise(f, z.dtype) if xp is np and f.custom is None else None
