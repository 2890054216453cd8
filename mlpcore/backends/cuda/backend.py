"""An NVIDIA GPU: CuPy arrays, and plans whose stages are computed by `CUDAArithmetic`."""

import os
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from mlpcore.backends.arrays import Kind, bring_in, send_back
from mlpcore.backends.base import Backend, Engine, Mode
from mlpcore.backends.composed import ComposedPlan, compose
from mlpcore.backends.cuda.arithmetic import CUDAArithmetic
from mlpcore.backends.cuda.gpu_model import model_of
from mlpcore.backends.cuda.kernel_cache import default_kernel_cache
from mlpcore.backends.cuda.narrow_segment import NarrowEngine
from mlpcore.backends.cuda.plan import CUDAPlan
from mlpcore.backends.cuda.prediction import CHUNK_ROWS
from mlpcore.backends.cuda.table_file import table_for
from mlpcore.backends.cuda.tiled_segment import TiledEngine
from mlpcore.backends.parameters import Exporter
from mlpcore.device import Device, cupy_module
from mlpcore.kernels.cuda.kept import keep_with
from mlpcore.program import Program


class CUDABackend(Backend):
    """Arrays in the memory of one CUDA device.

    Attributes
    ----------
    engines : tuple of Engine
        Whoever fuses stages, asked in this order.
    """

    name = "cuda"

    def __init__(self, device: Device) -> None:
        self.device = device
        self.xp = cupy_module(device)
        self._process = os.getpid()
        keep_with(default_kernel_cache())
        self._arithmetic = CUDAArithmetic(self.xp, table_for(model_of(self.xp, device)))
        self.engines: tuple[Engine, ...] = (
            NarrowEngine(self._arithmetic),
            TiledEngine(self._arithmetic),
        )

    def active(self) -> AbstractContextManager[Any]:
        """Return a context in which this device is CuPy's current one.

        Raises
        ------
        DeviceUnavailableError
            If the process was forked since CUDA was used.
        """
        if os.getpid() != self._process:
            cupy_module(self.device)  # raises, and says why
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
            with np.errstate(all="ignore"):  # narrowed before it crosses the bus
                array = np.asarray(array, dtype=dtype)
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
        arithmetic = self._arithmetic
        plan = compose(program, self.engines, self.xp, dtype, mode, CHUNK_ROWS, arithmetic)
        return CUDAPlan(self.xp, program, mode, plan.segments, plan.chunk, arithmetic, self)

    def synchronize(self) -> None:
        """Wait for everything on the current stream."""
        self.xp.cuda.get_current_stream().synchronize()
