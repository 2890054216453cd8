"""Kernels that a test writes itself, on every instruction set of this processor and both dtypes."""

import functools

import numpy as np
import pytest

from mlpcore.kernels.cpu.codegen.function import Module
from mlpcore.kernels.cpu.codegen.instruction_set import supported
from mlpcore.kernels.cpu.codegen.object_code import object_code
from mlpcore.kernels.cpu.units import load_unit

ISAS = supported()
DTYPES = (np.float32, np.float64)

each_target = pytest.mark.parametrize(
    ("isa", "dtype"),
    [
        pytest.param(isa, dtype, id=f"{isa.name}-{dtype.__name__}")
        for isa in ISAS
        for dtype in DTYPES
    ],
)


def lanes_of(isa, dtype):
    """Return how many numbers a vector holds."""
    return isa.vector_bytes // np.dtype(dtype).itemsize


def unshared(write, isa, dtype):
    """Return the kernels that the function `write` writes into a module."""
    module = Module(isa, dtype)
    write(module)
    return load_unit(object_code(module), isa, np.dtype(dtype).name)


kernels = functools.cache(unshared)


def written(write, isa, dtype):
    """Return the function ``kernel`` that `write` writes."""
    return unshared(write, isa, dtype).function("kernel")
