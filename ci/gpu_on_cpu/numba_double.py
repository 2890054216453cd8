"""Kernels written with numba-cuda, on the same device.

The dispatcher's ``call`` is replaced: it compiles the Python function to PTX, which needs NVVM but
no driver, and launches that.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import LaunchError
from .executor import LoadedModule, load_ptx

if TYPE_CHECKING:
    from .cupy_double import Device


def install_numba(device: Device) -> None:
    """Make ``numba.cuda`` kernels run on `device`."""
    from numba import config, cuda
    from numba.cuda.dispatcher import CUDADispatcher

    modules: dict[object, LoadedModule] = {}

    def call(dispatcher: Any, arguments: tuple[object, ...], configuration: Any) -> None:
        types = tuple(_type_of(argument) for argument in arguments)
        options = {
            name: True for name in ("fastmath", "lineinfo") if dispatcher.targetoptions.get(name)
        }
        key = (dispatcher.py_func, types, tuple(options))
        if key not in modules:
            ptx, _ = cuda.compile(
                dispatcher.py_func, types, cc=device.compute_capability,
                device=False, abi="numba", output="ptx", **options,
            )  # fmt: skip
            modules[key] = load_ptx(ptx)
            for allocation in modules[key].globals.values():
                device.memory.add(allocation)
        module = modules[key]
        (entry,) = module.entries
        device.counters.launches[dispatcher.py_func.__name__] += 1
        values = [value for argument in arguments for value in _flatten(argument)]
        module.launch(
            entry,
            tuple(configuration.griddim),
            tuple(configuration.blockdim),
            _parameter_block(module.parameter_layout(entry), values),
            device.modules.allocation_table(),
            dynamic_shared=configuration.sharedmem,
            check=device.modules.check,
            order=device.modules.order,
            seed=device.modules.next_seed(),
        )

    config.CUDA_LOW_OCCUPANCY_WARNINGS = 0  # advice about a GPU's speed
    CUDADispatcher.call = call
    cuda.is_available = lambda: True


def _type_of(argument: object) -> object:
    from numba.cuda.typing.typeof import typeof

    return typeof(argument)


def _parameter_block(layout: list[tuple[int, int]], values: list[bytes]) -> bytes:
    block = bytearray(sum(layout[-1]) if layout else 0)
    for value, (offset, size) in zip(values, layout, strict=True):
        if len(value) != size:
            raise LaunchError(f"a parameter of {size} bytes got {len(value)}")
        block[offset : offset + size] = value
    return bytes(block)


def _flatten(argument: object) -> list[bytes]:
    """Return the parameters that numba makes of one argument.

    An array becomes: memory information and parent (null), number of elements, bytes of one,
    address, shape, strides.
    """
    interface = getattr(argument, "__cuda_array_interface__", None)
    if interface is None:
        if isinstance(argument, np.ndarray):
            raise LaunchError("a host array given to a kernel: copy it to the device first")
        kind = str(_type_of(argument))
        return [np.dtype("u1" if kind == "bool" else kind).type(argument).tobytes()]
    shape = interface["shape"]
    size = np.dtype(interface["typestr"]).itemsize
    strides = interface.get("strides")
    if strides is None:
        strides = [size * math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    numbers = [0, 0, math.prod(shape), size, interface["data"][0], *shape, *strides]
    return [np.int64(number).tobytes() for number in numbers]
