"""Loading PTX and launching its kernels on the CPU."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from .compiler import build_kernel, build_runtime
from .errors import KernelFault, LaunchError
from .ptx import parse
from .settings import Check, Order
from .translate import translate

#: Limits of a launch, as CUDA documents them for compute capability 9.0.
MOST_THREADS = 1024
MOST_BLOCK = (1024, 1024, 64)
MOST_GRID = (2**31 - 1, 65535, 65535)
MOST_SHARED_BYTES = 227 * 1024

Dim3 = tuple[int, int, int]


@dataclass(frozen=True)
class Allocation:
    """A range of addresses that a kernel may touch."""

    address: int
    size: int
    writable: bool = True


class _Allocation(ctypes.Structure):
    _fields_ = (
        ("address", ctypes.c_uint64),
        ("size", ctypes.c_uint64),
        ("writable", ctypes.c_uint64),
    )


class _Request(ctypes.Structure):
    _fields_ = (
        ("kernel", ctypes.c_void_p),
        ("parameters", ctypes.c_char_p),
        ("allocations", ctypes.POINTER(_Allocation)),
        ("allocation_count", ctypes.c_uint64),
        ("static_shared", ctypes.c_uint64),
        ("dynamic_shared", ctypes.c_uint64),
        ("seed", ctypes.c_uint64),
        ("grid", ctypes.c_uint32 * 3),
        ("block", ctypes.c_uint32 * 3),
        ("checks", ctypes.c_uint32),
        ("order", ctypes.c_uint32),
        ("synchronises", ctypes.c_uint32),
    )


class _Report(ctypes.Structure):
    _fields_ = (
        ("line", ctypes.c_uint32),
        ("block", ctypes.c_uint32 * 3),
        ("thread", ctypes.c_uint32 * 3),
        ("message", ctypes.c_char * 500),
    )


@cache
def _runtime() -> ctypes.PyDLL:
    """Load the runtime: globally, because kernels find its functions by name.

    A launch keeps Python's lock, so that one runs at a time and nobody frees memory meanwhile.
    """
    library = ctypes.PyDLL(str(build_runtime()), ctypes.RTLD_GLOBAL)
    library.gpu_on_cpu_launch.argtypes = [ctypes.POINTER(_Request), ctypes.POINTER(_Report)]
    return library


class AllocationTable:
    """Allocations sorted by address, in the form that the runtime reads."""

    def __init__(self, allocations: Iterable[Allocation]) -> None:
        ordered = sorted(allocations, key=lambda allocation: allocation.address)
        self.count = len(ordered)
        rows = (_Allocation(a.address, a.size, a.writable) for a in ordered)
        self.rows = (_Allocation * self.count)(*rows)


class LoadedModule:
    """A PTX module whose kernels can be launched.

    Parameters
    ----------
    text : str
        PTX, from NVRTC, nvcc, numba-cuda or a human.

    Attributes
    ----------
    globals : dict of str to Allocation
        Global and constant variables by name.  A constant is read-only to kernels.
    """

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        self._module = parse(text)
        self._translation = translate(self._module)
        runtime = _runtime()
        self._launch = runtime.gpu_on_cpu_launch
        self._library = ctypes.CDLL(str(build_kernel(self._translation.source)))
        entries = self._translation.entries
        self._entries = dict(zip(entries, self._table("entries", len(entries)), strict=True))
        variables = self._translation.globals
        addresses = self._table("globals", len(variables))
        self.globals = {
            variable.name: Allocation(address, variable.size, variable.space == "global")
            for variable, address in zip(variables, addresses, strict=True)
        }

    def _table(self, name: str, count: int) -> Sequence[int]:
        table = (ctypes.c_void_p * (count + 1)).in_dll(self._library, f"gpu_on_cpu_{name}")
        return [address or 0 for address in table[:count]]

    @property
    def entries(self) -> tuple[str, ...]:
        """Names of the kernels."""
        return tuple(self._entries)

    def parameter_layout(self, name: str) -> list[tuple[int, int]]:
        """Return offset and size in bytes of each parameter of a kernel."""
        return [(p.offset, p.size) for p in self._module.functions[name].parameters]

    def static_shared(self, name: str) -> int:
        """Return the bytes of static shared memory of a kernel."""
        return self._translation.static_shared[name]

    def max_threads(self, name: str) -> int:
        """Return the most threads that a block of this kernel may have."""
        return self._module.functions[name].max_threads or MOST_THREADS

    def launch(
        self,
        name: str,
        grid: Dim3,
        block: Dim3,
        parameters: bytes,
        allocations: AllocationTable,
        *,
        dynamic_shared: int = 0,
        check: int = Check.ALL,
        order: str | Order = Order.FORWARD,
        seed: int = 0,
    ) -> None:
        """Run a kernel to its end.

        Parameters
        ----------
        name : str
            One of `entries`.
        grid, block : tuple of int
            Extents in x, y and z.
        parameters : bytes
            The parameter block, laid out as `parameter_layout` says.
        allocations : AllocationTable
            What the kernel may touch, this module's `globals` included.
        dynamic_shared : int
            Bytes of dynamic shared memory.
        check : int
            A sum of `Check` flags.
        order : str or Order
            In which order blocks and threads run; `seed` chooses among the random ones.

        Raises
        ------
        LaunchError
            For a configuration that CUDA refuses.
        KernelFault
            When a check fails.
        """
        self._check_configuration(name, grid, block, dynamic_shared)
        request = _Request(
            kernel=self._entries[name],
            parameters=parameters,
            allocations=allocations.rows,
            allocation_count=allocations.count,
            static_shared=self.static_shared(name),
            dynamic_shared=dynamic_shared,
            seed=seed,
            grid=grid,
            block=block,
            checks=int(check),
            order=int(Order.of(order)),
            synchronises=self._translation.synchronises,
        )
        report = _Report()
        failed = self._launch(ctypes.byref(request), ctypes.byref(report))
        if failed:
            line = report.line
            source = self._lines[line - 1].strip() if 0 < line <= len(self._lines) else ""
            reason = report.message.decode(errors="replace")
            raise KernelFault(reason, name, line, tuple(report.block), tuple(report.thread), source)

    def _check_configuration(self, name: str, grid: Dim3, block: Dim3, dynamic_shared: int) -> None:
        if name not in self._entries:
            raise LaunchError(f"no kernel {name!r}; there are {', '.join(self._entries)}")
        for what, extents, most in (("grid", grid, MOST_GRID), ("block", block, MOST_BLOCK)):
            if any(not 1 <= n <= limit for n, limit in zip(extents, most, strict=True)):
                raise LaunchError(f"{what} {tuple(extents)} of kernel {name} is not within {most}")
        threads, limit = math.prod(block), self.max_threads(name)
        if threads > limit:
            raise LaunchError(f"{threads} threads in a block of kernel {name}; at most {limit}")
        shared = self.static_shared(name) + dynamic_shared
        if shared > MOST_SHARED_BYTES:
            raise LaunchError(f"kernel {name} asks for {shared} bytes of shared memory")


def load_ptx(text: str | bytes) -> LoadedModule:
    """Parse, translate and build PTX; a trailing NUL, as the driver allows it, is ignored."""
    if isinstance(text, bytes):
        text = text.rstrip(b"\0").decode()
    return LoadedModule(text)
