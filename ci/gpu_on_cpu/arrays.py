"""Launching a kernel on NumPy arrays: for trying PTX without CuPy."""

from __future__ import annotations

import numpy as np

from .errors import LaunchError
from .executor import Allocation, AllocationTable, LoadedModule, load_ptx
from .settings import Check, Order


def run_ptx(
    ptx: str | LoadedModule,
    grid: int | tuple[int, ...],
    block: int | tuple[int, ...],
    *arguments: np.ndarray | np.generic,
    kernel: str | None = None,
    dynamic_shared: int = 0,
    check: int = Check.ALL,
    order: str | Order = Order.FORWARD,
    seed: int = 0,
) -> None:
    """Run one kernel; a NumPy array is passed as its address, a NumPy scalar by value.

    The kernel works on the arrays themselves; one that is not writeable may only be read.

    Parameters
    ----------
    ptx : str or LoadedModule
        The module.
    grid, block : int or tuple of int
        One to three extents.
    *arguments
        One for each parameter of the kernel.
    kernel : str, optional
        Its name, if the module has several.
    dynamic_shared, check, order, seed
        As for `LoadedModule.launch`.
    """
    module = load_ptx(ptx) if isinstance(ptx, str) else ptx
    if kernel is None:
        (kernel,) = module.entries
    layout = module.parameter_layout(kernel)
    if len(arguments) != len(layout):
        raise LaunchError(f"kernel {kernel} takes {len(layout)} arguments, got {len(arguments)}")
    block_of_parameters = bytearray(sum(layout[-1]) if layout else 0)
    allocations = list(module.globals.values())
    for argument, (offset, size) in zip(arguments, layout, strict=True):
        if isinstance(argument, np.ndarray):
            address = argument.ctypes.data
            allocations.append(Allocation(address, argument.nbytes, argument.flags.writeable))
            value = np.uint64(address).tobytes()
        else:
            value = argument.tobytes()
        if len(value) != size:
            raise LaunchError(f"a parameter of {size} bytes got {len(value)} bytes: {argument!r}")
        block_of_parameters[offset : offset + size] = value
    module.launch(
        kernel,
        _extents(grid),
        _extents(block),
        bytes(block_of_parameters),
        AllocationTable(allocations),
        dynamic_shared=dynamic_shared,
        check=check,
        order=order,
        seed=seed,
    )


def _extents(given: int | tuple[int, ...]) -> tuple[int, int, int]:
    extents = (given,) if isinstance(given, int) else tuple(given)
    x, y, z = (*extents, 1, 1)[:3]
    return x, y, z
