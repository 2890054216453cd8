"""CUDA C++ compiled by NVRTC through CuPy, and what the current device has for it."""

from __future__ import annotations

from typing import Any

from ..kept import of_cplusplus

OPTIONS = ("--std=c++17", "--fmad=false", "--ftz=false")
"""Only `fma` multiplies and adds at once: what is rounded where does not depend on the compiler."""

_SHARED_WITHOUT_ASKING = 48 * 1024


def compiled(source: str, name: str, shared_bytes: int = 0) -> Any:
    """Return a kernel, loaded on the current device.

    Not by ``cupy.RawModule``, which tells NVRTC to flush subnormal numbers to zero, after all
    options that it is given.

    Parameters
    ----------
    source : str
        CUDA C++ that includes nothing.
    name : str
        A kernel in it, declared ``extern "C"``.
    shared_bytes : int
        The dynamic shared memory that it will be launched with.
    """
    import cupy

    def made() -> bytes:
        binary, _ = cupy.cuda.compiler.compile_using_nvrtc(source, OPTIONS, cache_in_memory=True)
        return bytes(binary)

    what = (name, OPTIONS, cupy.cuda.Device().compute_capability)
    binary = of_cplusplus(what, source, made)
    module = cupy.cuda.function.Module()
    module.load(binary)
    function = module.get_function(name)
    if shared_bytes > _SHARED_WITHOUT_ASKING:
        driver = cupy.cuda.driver
        limit = driver.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
        driver.funcSetAttribute(function.ptr, limit, shared_bytes)
    return function


def shared_bytes_of_block(device: int) -> int:
    """Return how much shared memory a block can ask for: 64 KiB or more."""
    import cupy

    number = cupy.cuda.runtime.cudaDevAttrMaxSharedMemoryPerBlockOptin
    return int(cupy.cuda.runtime.deviceGetAttribute(number, device))


def blocks_of_multiprocessor(function: Any, threads: int, shared_bytes: int) -> int:
    """Return how many blocks of a kernel a multiprocessor runs at once."""
    import cupy

    driver = cupy.cuda.driver
    return int(
        driver.occupancyMaxActiveBlocksPerMultiprocessor(function.ptr, threads, shared_bytes)
    )
