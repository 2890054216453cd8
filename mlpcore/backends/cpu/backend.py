"""The CPU: NumPy arrays, and plans of compiled kernels, with NumPy for what has none."""

from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from mlpcore.backends.arithmetic import REFERENCE, Arithmetic
from mlpcore.backends.arrays import Kind, bring_in, send_back
from mlpcore.backends.base import Backend, Engine, Mode
from mlpcore.backends.composed import ComposedPlan, compose
from mlpcore.backends.cpu.compiled import compiled
from mlpcore.backends.cpu.engine import CompiledEngine
from mlpcore.backends.cpu.squares import sum_of_squares
from mlpcore.backends.layout import ALIGNMENT
from mlpcore.backends.parameters import Exporter
from mlpcore.device import Device
from mlpcore.lazy_imports import importing
from mlpcore.program import Program
from mlpcore.signals import deferred_signals

CHUNK_ROWS = 1024
"""Rows that prediction carries through the network at once.

The activations of a layer 512 wide then fill 2 MiB in float32, about one core's share of cache.
"""

ENGINES: tuple[Engine, ...] = (CompiledEngine(),)
"""Whoever fuses stages on the CPU, asked in this order."""


class CPUBackend(Backend):
    """Arrays in host memory."""

    name = "cpu"
    xp = np

    def __init__(self, device: Device) -> None:
        self.device = device

    def active(self) -> AbstractContextManager[Any]:
        """Return a context without warnings: overflow and NaN come out as IEEE says."""
        return np.errstate(all="ignore")

    def receive(self, x: Any, kind: Kind, dtype: Any = None) -> Any:
        """Return `x` as a C-contiguous NumPy array of `dtype`."""
        if kind.on_gpu:
            raise TypeError(
                f"got a {kind} array, but the model is on the CPU; move the array with "
                "cupy.asnumpy(x), or the model with model.to('cuda')"
            )
        array = bring_in(x, kind)
        return np.asarray(array, dtype=dtype, order="C")

    def deliver(self, x: Any, kind: Kind) -> Any:
        """Return `x` as an array of `kind`."""
        return send_back(x, kind)

    def to_host(self, x: Any) -> Any:
        """Return `x` itself."""
        return x

    def zeros(self, length: int, dtype: Any) -> Any:
        """Return zeros that start at a 64-byte boundary, which NumPy alone does not promise."""
        itemsize = np.dtype(dtype).itemsize
        raw = np.zeros(length * itemsize + ALIGNMENT, dtype=np.uint8)
        skip = -raw.ctypes.data % ALIGNMENT
        return raw[skip : skip + length * itemsize].view(dtype)

    def lend(self, exporter: Exporter) -> Any:
        """Return a view of the buffer whose base is `exporter`."""
        exporter.__array_interface__ = exporter.flat.__array_interface__
        return np.asarray(exporter)

    def compile(self, program: Program, dtype: Any, mode: Mode) -> ComposedPlan:
        """Return the plan of `program`."""
        # LLVM's objects and Python's imports do not survive an interruption in their middle.
        with deferred_signals():
            return compose(program, ENGINES, np, dtype, mode, CHUNK_ROWS, _arithmetic(dtype))

    def sum_of_squares(self, x: Any) -> Any:
        """Return Σ x², shape ()."""
        return sum_of_squares(x)

    def synchronize(self) -> None:
        """Return at once: the CPU computes when it is asked."""


def _arithmetic(dtype: Any) -> Arithmetic:
    """Return what computes whatever no engine claims: the reference where nothing is compiled."""
    if compiled(dtype, "few", "team") is None:
        return REFERENCE
    # Only now: a program that never computes does not wait for LLVM.
    with importing():
        from mlpcore.backends.cpu.arithmetic import CompiledArithmetic

    return CompiledArithmetic(dtype)
