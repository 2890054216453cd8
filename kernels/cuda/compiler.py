"""From a Python function to a kernel that CuPy launches.

numba-cuda compiles the function to PTX, and CuPy loads and launches that: on CuPy's current stream,
in its context, with its memory.  Numba's own launches, which would convert every array and make a
second context, are never used.

A kernel is written by a *factory*: a function that takes `Tools` and what distinguishes its
variants, and returns a `KernelSource`.  The arguments of kernels are addresses and numbers.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from .formulas import Tools
from .kept import of_python

Factory: TypeAlias = "Callable[..., KernelSource]"
Capability: TypeAlias = tuple[int, int]

THREADS = 256
"""Threads of a block where a kernel has no reason for another number."""

_BLOCKS_OF_MULTIPROCESSOR = 32
"""Blocks for each multiprocessor, of kernels whose threads stride through the whole input."""

_THREADS_OF_MULTIPROCESSOR = {4: 1024, 8: 768}
"""Threads that must fit on a multiprocessor at once, by the bytes of a number, unless a kernel asks
for others.

They have up to 64 and 80 registers each.  Left to itself the assembler aims at more threads and
spills a few registers for it.
"""

_ENTRY = re.compile(r"\.visible \.entry (\w+)\(")
_ENVIRONMENT = re.compile(r"^\.common \.global .*\bu64 _ZN08NumbaEnv\w+;\n", re.MULTILINE)
_VERSION = re.compile(r"^\.version \d+\.\d+$", re.MULTILINE)

_OLDEST_DRIVERS = "8.0"
_OF_ARCHITECTURE = {(10, 0): "8.6", (12, 0): "8.7"}
"""PTX versions that are enough: of every driver of CUDA 12 up to compute capability 9.0, and of the
first that knew an architecture beyond (PTX ISA, "Release notes").

NVVM writes the newest version that it knows, which drivers older than the compiler refuse, although
nothing here needs it.
"""


@dataclass(frozen=True)
class KernelSource:
    """A kernel before it is compiled.

    Attributes
    ----------
    function : callable
        What a thread does, in the part of Python that numba-cuda compiles.
    kinds : str
        Its arguments, separated by spaces: ``real`` and ``int`` (64 bits), ``real*`` and ``int*``
        for addresses of such; ``single``, ``double``, ``uint`` (32 bits) and ``byte`` likewise.
    threads : int
        The most threads that a block has.
    together : int, optional
        How many threads must fit on a multiprocessor at once, if the number that is usual for the
        dtype does not suit the kernel.
    """

    function: Callable[..., None]
    kinds: str
    threads: int = THREADS
    together: int | None = None


@functools.cache
def ptx_of(
    factory: Factory, dtype: np.dtype[Any], variant: tuple[Hashable, ...], capability: Capability
) -> str:
    """Return the PTX of a kernel, whose entry is `entry_name`; no GPU is needed.

    Parameters
    ----------
    factory : callable
        ``factory(tools, *variant)`` returns the `KernelSource`.
    dtype : dtype
        float32 or float64: what ``real`` is.
    variant : tuple
        What the factory is given besides.
    capability : tuple of int
        The compute capability, as in (9, 0).
    """
    what = (factory.__module__, factory.__qualname__, dtype.name, variant, capability)
    return of_python(what, lambda: _compiled(factory, dtype, variant, capability))


def _compiled(
    factory: Factory, dtype: np.dtype[Any], variant: tuple[Hashable, ...], capability: Capability
) -> str:
    tools = Tools(dtype)
    types = tools.types
    numbers = {
        "real": tools.real,
        "int": types.int64,
        "single": types.float32,
        "double": types.float64,
        "uint": types.uint32,
        "byte": types.uint8,
    }
    source = factory(tools, *variant)
    arguments = [
        types.CPointer(numbers[kind[:-1]]) if kind.endswith("*") else numbers[kind]
        for kind in source.kinds.split()
    ]
    together = source.together or _THREADS_OF_MULTIPROCESSOR[dtype.itemsize]
    text, _ = tools.cuda.compile(
        tools.specialised(source.function),
        types.void(*arguments),
        device=False,
        abi="numba",
        cc=capability,
        launch_bounds=(source.threads, max(1, together // source.threads)),
    )
    (entry,) = _ENTRY.findall(text)
    text = _ENVIRONMENT.sub("", text).replace(entry, entry_name(factory, dtype))
    enough = _OLDEST_DRIVERS if capability <= (9, 0) else _OF_ARCHITECTURE.get(capability)
    return text if enough is None else _VERSION.sub(f".version {enough}", text)


def entry_name(factory: Factory, dtype: np.dtype[Any]) -> str:
    """Return the name of a kernel in PTX, in profilers and in error messages."""
    return f"mlpcore_{factory.__name__}_{dtype.name}"


def launch(
    factory: Factory,
    variant: tuple[Hashable, ...],
    dtype: np.dtype[Any],
    blocks: int,
    arguments: tuple[Any, ...],
    threads: int = THREADS,
) -> None:
    """Launch a kernel on CuPy's current device and stream, compiling it at its first use.

    Parameters
    ----------
    factory, variant, dtype
        The kernel, as for `ptx_of`.
    blocks, threads : int
        The grid and its blocks.  Nothing is launched for no blocks.
    arguments : tuple
        CuPy arrays, for their addresses, and NumPy scalars of the kernel's types.
    """
    if blocks == 0:
        return
    import cupy

    device = cupy.cuda.runtime.getDevice()
    _function(factory, dtype, variant, device)((blocks,), (threads,), arguments)


@functools.cache
def _function(
    factory: Factory, dtype: np.dtype[Any], variant: tuple[Hashable, ...], device: int
) -> Any:
    """Return the kernel as loaded on the current device, whose number is `device`."""
    import cupy

    text = ptx_of(factory, dtype, variant, _capability(device))
    module = cupy.cuda.function.Module()
    module.load(text.encode())
    return module.get_function(entry_name(factory, dtype))


@functools.cache
def _capability(device: int) -> Capability:
    import cupy

    digits = cupy.cuda.Device(device).compute_capability  # "75", "100"
    return int(digits[:-1]), int(digits[-1])


@functools.cache
def multiprocessors(device: int) -> int:
    """Return how many multiprocessors a device has."""
    import cupy

    number = cupy.cuda.runtime.cudaDevAttrMultiProcessorCount
    return int(cupy.cuda.runtime.deviceGetAttribute(number, device))


def blocks_to_stride(items: int, threads: int = THREADS) -> int:
    """Return how many blocks share `items` pieces of work, one a thread at a time.

    No more than fill the current device a few times: their threads stride through the rest.
    """
    import cupy

    most = _BLOCKS_OF_MULTIPROCESSOR * multiprocessors(cupy.cuda.runtime.getDevice())
    return min(-(-items // threads), most)
