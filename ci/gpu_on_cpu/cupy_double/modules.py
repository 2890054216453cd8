"""Loading modules and launching their kernels."""

from __future__ import annotations

import ctypes
import itertools
from dataclasses import dataclass
from pathlib import Path

from ..errors import GpuOnCpuError, LaunchError
from ..executor import AllocationTable, LoadedModule, load_ptx
from ..settings import Order
from .counters import Counters
from .current import CurrentDevice
from .emulates import emulates
from .memory import Memory
from .streams import Streams

_SHARED_BY_DEFAULT = 48 * 1024
#: Numbers of ``CUfunction_attribute``.
_MAX_THREADS, _STATIC_SHARED, _REGISTERS, _MAX_DYNAMIC_SHARED = 0, 1, 4, 8
_MODEST_REGISTERS = 32
_MOST_THREADS_OF_MULTIPROCESSOR = 2048


@dataclass
class _Function:
    module: LoadedModule
    name: str
    max_dynamic_shared: int
    device: int


class Modules:
    """Modules, functions and launches.

    Attributes
    ----------
    check : int
        A sum of `Check` flags.
    order : Order
        In which order blocks and threads run.
    seed : int
        Chooses among the random orders; each launch uses the next one.
    """

    def __init__(
        self,
        counters: Counters,
        memory: Memory,
        streams: Streams,
        current: CurrentDevice,
        check: int,
        order: Order,
        seed: int,
    ) -> None:
        self.counters = counters
        self.memory = memory
        self.streams = streams
        self._current = current
        self.check = check
        self.order = order
        self.seed = seed
        self._handles = itertools.count(1 << 20, 8)
        self._modules: dict[int, LoadedModule] = {}
        self._device_of: dict[int, int] = {}
        self._functions: dict[int, _Function] = {}
        self._table = AllocationTable(())
        self._table_is_of: tuple[int, int] | None = None

    @emulates("driver.moduleLoadData")
    def load(self, image: bytes | str) -> int:
        """Load a module from PTX."""
        data = image.encode() if isinstance(image, str) else bytes(image)
        if data.startswith(b"\x7fELF"):
            raise GpuOnCpuError("a cubin cannot run on a CPU; CuPy must compile to PTX")
        module = load_ptx(data)
        self.counters.modules += 1
        handle = next(self._handles)
        self._modules[handle] = module
        self._device_of[handle] = self._current.index
        for allocation in module.globals.values():
            self.memory.add(allocation)
        return handle

    @emulates("driver.moduleLoad")
    def load_file(self, path: str) -> int:
        """Load a module from a file."""
        return self.load(Path(path).read_bytes())

    @emulates("driver.moduleUnload")
    def unload(self, handle: int) -> None:
        """Forget a module; its library stays loaded, since kernels may still be referred to."""
        for allocation in self._modules.pop(handle).globals.values():
            self.memory.remove(allocation)

    @emulates("driver.moduleGetFunction")
    def function(self, handle: int, name: str | bytes) -> int:
        """Look a kernel up."""
        module = self._modules[handle]
        spelled = name.decode() if isinstance(name, bytes) else name
        if spelled not in module.entries:
            raise GpuOnCpuError(f"the module has no kernel {spelled!r}")
        answer = next(self._handles)
        self._functions[answer] = _Function(
            module, spelled, _SHARED_BY_DEFAULT, self._device_of[handle]
        )
        return answer

    @emulates("driver.moduleGetGlobal")
    def global_variable(self, handle: int, name: str | bytes) -> int:
        """Look a global or constant variable up and return its address."""
        spelled = name.decode() if isinstance(name, bytes) else name
        variables = self._modules[handle].globals
        if spelled not in variables:
            raise GpuOnCpuError(f"the module has no variable {spelled!r}")
        return variables[spelled].address

    @emulates("driver.funcGetAttribute")
    def attribute(self, attribute: int, handle: int) -> int:
        """Return an attribute of a kernel."""
        function = self._functions[handle]
        known = {
            _MAX_THREADS: function.module.max_threads(function.name),
            _STATIC_SHARED: function.module.static_shared(function.name),
            _REGISTERS: _MODEST_REGISTERS,
            _MAX_DYNAMIC_SHARED: function.max_dynamic_shared,
        }
        if attribute not in known:
            raise NotImplementedError(f"gpu_on_cpu has no function attribute {attribute}")
        return known[attribute]

    @emulates("driver.funcSetAttribute")
    def set_attribute(self, handle: int, attribute: int, value: int) -> None:
        """Set an attribute of a kernel; only the limit of dynamic shared memory matters."""
        if attribute == _MAX_DYNAMIC_SHARED:
            self._functions[handle].max_dynamic_shared = value

    @emulates("driver.occupancyMaxActiveBlocksPerMultiprocessor")
    def active_blocks(self, handle: int, block: int, dynamic_shared: int) -> int:  # noqa: ARG002
        """Return how many blocks a multiprocessor holds, by its threads alone."""
        return max(1, _MOST_THREADS_OF_MULTIPROCESSOR // max(block, 1))

    @emulates("driver.occupancyMaxPotentialBlockSize")
    def potential_block(self, handle: int, dynamic_shared: int, limit: int) -> tuple[int, int]:  # noqa: ARG002
        """Return a grid and a block size."""
        function = self._functions[handle]
        most = function.module.max_threads(function.name)
        return 4, min(limit, most) if limit else most

    @emulates("driver.launchKernel")
    def launch(
        self, handle: int,
        grid_x: int, grid_y: int, grid_z: int, block_x: int, block_y: int, block_z: int,
        dynamic_shared: int, stream: int, parameters: int, extra: int,
    ) -> None:  # fmt: skip
        """Run a kernel; `parameters` is the address of an array of addresses of arguments."""
        if extra:
            raise NotImplementedError(
                "gpu_on_cpu takes kernel arguments as an array of pointers only"
            )
        self.streams.require(stream)
        function = self._functions[handle]
        if function.device != self._current.index:
            raise LaunchError(
                f"kernel {function.name} was loaded on device {function.device}, but the current "
                f"one is {self._current.index}"
            )
        if dynamic_shared > function.max_dynamic_shared:
            raise LaunchError(
                f"kernel {function.name} asks for {dynamic_shared} bytes of dynamic shared memory; "
                f"more than {function.max_dynamic_shared} must be allowed first"
            )
        self.counters.launches[function.name] += 1
        function.module.launch(
            function.name,
            (grid_x, grid_y, grid_z),
            (block_x, block_y, block_z),
            self._gather(function, parameters),
            self.allocation_table(),
            dynamic_shared=dynamic_shared,
            check=self.check,
            order=self.order,
            seed=self.next_seed(),
        )

    def next_seed(self) -> int:
        """Return a seed for one launch."""
        self.seed += 1
        return self.seed - 1

    def allocation_table(self) -> AllocationTable:
        """Return the table of all that a kernel on the current device may touch."""
        now = self.memory.version, self._current.index
        if self._table_is_of != now:
            self._table = AllocationTable(self.memory.allocations())
            self._table_is_of = now
        return self._table

    @staticmethod
    def _gather(function: _Function, parameters: int) -> bytes:
        """Copy the arguments into one parameter block."""
        layout = function.module.parameter_layout(function.name)
        if not layout:
            return b""
        pointers = (ctypes.c_void_p * len(layout)).from_address(parameters)
        block = bytearray(sum(layout[-1]))
        for pointer, (offset, size) in zip(pointers, layout, strict=True):
            block[offset : offset + size] = ctypes.string_at(pointer, size)
        return bytes(block)
