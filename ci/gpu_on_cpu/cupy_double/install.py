"""Putting the double in place."""

from __future__ import annotations

import os
import sys

from ..cache import cache_folder
from ..cublaslt_double import load_cublaslt_double
from ..driver_stub import load_driver_stubs
from ..errors import GpuOnCpuError
from ..settings import Check, Order
from .cublas_library import load_cublas_stub
from .device import Device
from .refusals import refuse_what_would_be_wrong
from .tables import swap_tables

_installed: Device | None = None
_kept_alive: list[object] = []


def install(
    check: int = Check.ALL,
    order: str | Order = "forward",
    seed: int = 0,
    *,
    compute_capability: tuple[int, int] = (9, 0),
) -> Device:
    """Make CuPy run on the CPU.  Must come before the first ``import cupy`` of the process.

    Parameters
    ----------
    check : int
        A sum of `Check` flags: 1 bounds, 2 races, 4 uninitialised shared memory, 8
        synchronisation.
    order : str
        In which order blocks and threads run: ``"forward"``, ``"reverse"`` or ``"random"``.
    seed : int
        Chooses among the random orders.
    compute_capability : tuple of int
        Of the GPU that NVRTC compiles for.

    Returns
    -------
    Device
        The double, with its counters.  Installing again returns the same one.

    Raises
    ------
    GpuOnCpuError
        If CuPy has been imported already, or is not installed.
    BuildError
        If there is no C++ compiler.
    """
    global _installed
    if _installed is not None:
        return _installed
    if "cupy" in sys.modules or "cupy_backends" in sys.modules:
        raise GpuOnCpuError("install() must come before cupy is imported")
    # CuPy reads these when it is imported.  PTX and cubins must not meet in one cache.
    os.environ["CUPY_COMPILE_WITH_PTX"] = "1"
    os.environ["CUPY_ACCELERATORS"] = ""
    os.environ["CUPY_CACHE_DIR"] = str(cache_folder("cupy"))
    device = Device(check, order, seed, compute_capability)
    load_driver_stubs()
    _kept_alive.append(load_cublas_stub())
    _kept_alive.extend(load_cublaslt_double(device))
    _kept_alive.extend(swap_tables(device))
    refuse_what_would_be_wrong()
    _installed = device
    return device


def installed_device() -> Device | None:
    """Return the double if `install` has been called in this process."""
    return _installed
