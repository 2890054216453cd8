"""An NVIDIA GPU: CuPy arrays, and plans whose stages are computed by `CUDAArithmetic`."""

from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from mlpcore.backends.arrays import Kind, bring_in, send_back
from mlpcore.backends.base import Backend, Engine, Mode
from mlpcore.backends.composed import ComposedPlan, compose
from mlpcore.backends.cuda.arithmetic import CUDAArithmetic
from mlpcore.backends.parameters import Exporter
from mlpcore.device import Device, cupy_module
from mlpcore.program import Program

CHUNK_ROWS = 65536
"""Rows that prediction carries through the network at once: enough to fill a large GPU."""

ENGINES: tuple[Engine, ...] = ()
"""Whoever fuses stages on the GPU, asked in this order."""


class CUDABackend(Backend):
    """Arrays in the memory of one CUDA device."""

    name = "cuda"

    def __init__(self, device: Device) -> None:
        self.device = device
        self.xp = cupy_module(device)
        self._arithmetic = CUDAArithmetic(self.xp)

    def active(self) -> AbstractContextManager[Any]:
        """Return a context in which this device is CuPy's current one."""
        context: AbstractContextManager[Any] = self.xp.cuda.Device(self.device.index)
        return context

    def receive(self, x: Any, kind: Kind, dtype: Any = None) -> Any:
        """Return `x` as a C-contiguous CuPy array of `dtype` on this device."""
        array = bring_in(x, kind)
        if kind.on_gpu and array.device.id != self.device.index:
            raise TypeError(
                f"got an array on cuda:{array.device.id}, but the model is on {self.device}; "
                f"move the array, or the model with model.to('cuda:{array.device.id}')"
            )
        if not kind.on_gpu and dtype is not None:
            array = np.asarray(array, dtype=dtype)  # narrowed before it crosses the bus
        return self.xp.asarray(array, dtype=dtype, order="C")

    def deliver(self, x: Any, kind: Kind) -> Any:
        """Return `x` as an array of `kind`."""
        if kind.on_gpu:
            return send_back(x, kind)
        return send_back(self.to_host(x), kind)

    def to_host(self, x: Any) -> Any:
        """Return a copy of `x` in host memory."""
        return self.xp.asnumpy(x)

    def zeros(self, length: int, dtype: Any) -> Any:
        """Return zeros; CuPy's memory pool hands out multiples of 512 bytes."""
        return self.xp.zeros(length, dtype=dtype)

    def lend(self, exporter: Exporter) -> Any:
        """Return a view of the buffer that owns `exporter`."""
        flat = exporter.flat
        memory = self.xp.cuda.UnownedMemory(flat.data.ptr, flat.nbytes, exporter, self.device.index)
        pointer = self.xp.cuda.MemoryPointer(memory, 0)
        return self.xp.ndarray(flat.shape, flat.dtype, pointer)

    def compile(self, program: Program, dtype: Any, mode: Mode) -> ComposedPlan:
        """Return the plan of `program`."""
        return compose(program, ENGINES, self.xp, dtype, mode, CHUNK_ROWS, self._arithmetic)

    def synchronize(self) -> None:
        """Wait for everything on the current stream."""
        self.xp.cuda.get_current_stream().synchronize()
