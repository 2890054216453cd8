"""Which kind of array came in, so that the same kind goes out.

A kind is told apart without importing the library that makes it: only a caller who already has such
an array can hand one in, so the library is in `sys.modules` by then.
"""

import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from mlpcore.device import cupy_module, resolve

_HOST, _CUDA = 1, 2  # DLDeviceType in dlpack.h: kDLCPU, kDLCUDA
_CUDA_MANAGED = 13


@dataclass(frozen=True)
class Kind:
    """The library an array belongs to and the sort of memory that holds it.

    Attributes
    ----------
    name : str
        The library's top-level module: ``"numpy"``, ``"cupy"``, ``"torch"``, ...
    on_gpu : bool
        Whether the array is in the memory of a CUDA device.
    """

    name: str
    on_gpu: bool

    def __str__(self) -> str:
        return f"{self.name} ({'CUDA device' if self.on_gpu else 'host'})"


NUMPY = Kind("numpy", on_gpu=False)
CUPY = Kind("cupy", on_gpu=True)


def kind_of(x: Any) -> Kind:
    """Return the kind of `x`; lists, scalars and whatever NumPy can read by itself count as NumPy.

    Raises
    ------
    TypeError
        If `x` lives on a device that is neither the host nor CUDA.
    """
    if isinstance(x, np.ndarray | np.generic) or not hasattr(x, "__dlpack_device__"):
        return NUMPY
    name = type(x).__module__.partition(".")[0]
    if name == "cupy":
        return CUPY
    if name == "jaxlib":  # the arrays' type lives in the extension, the functions in jax
        name = "jax"
    place = int(x.__dlpack_device__()[0])
    if place not in (_HOST, _CUDA, _CUDA_MANAGED):
        raise TypeError(
            f"a {name} array on DLPack device type {place} is neither on the host nor on CUDA; "
            "move it to the host first"
        )
    return Kind(name, on_gpu=place != _HOST)


def common_kind(**arrays: Any) -> Kind:
    """Return the kind of all `arrays` that are not None.

    Plain Python lists and scalars have no kind of their own and go with any.

    Raises
    ------
    TypeError
        If two arrays are of different kinds; the message names both and says how to move one.
    """
    first: tuple[str, Kind] | None = None
    for name, x in arrays.items():
        if x is None or isinstance(x, list | tuple | int | float):
            continue
        kind = kind_of(x)
        if first is None:
            first = name, kind
        elif kind != first[1]:
            raise TypeError(
                f"{first[0]} is a {first[1]} array but {name} is a {kind} array; "
                f"move one of them: {_advice(first[1], kind)}"
            )
    return NUMPY if first is None else first[1]


def _advice(a: Kind, b: Kind) -> str:
    if {a.name, b.name} == {"numpy", "cupy"}:
        return "cupy.asarray(x) to the GPU, or cupy.asnumpy(x) to the host"
    return "numpy.from_dlpack(x) on the host, or cupy.from_dlpack(x) on a CUDA device"


def namespace_of(kind: Kind) -> ModuleType:
    """Return the namespace that computes on arrays of `kind`: NumPy, or CuPy on a GPU.

    Raises
    ------
    DeviceUnavailableError
        If `kind` is on a GPU and CuPy cannot be used.
    """
    if not kind.on_gpu:
        return np
    if "cupy" in sys.modules:
        return sys.modules["cupy"]
    return cupy_module(resolve("cuda"))


def bring_in(x: Any, kind: Kind) -> Any:
    """Return `x` as an array of ``namespace_of(kind)``, sharing memory where that is possible.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers or booleans.
    """
    xp = namespace_of(kind)
    if kind in (NUMPY, CUPY) or not hasattr(x, "__dlpack__"):
        array = xp.asarray(x)
    else:
        try:
            array = xp.from_dlpack(x)
        except (BufferError, RuntimeError) as error:  # bfloat16, say, which NumPy does not have
            raise TypeError(
                f"a {kind} array of {getattr(x, 'dtype', 'this dtype')} cannot be read: {error}"
            ) from error
    if array.dtype.kind not in "fiub":
        raise TypeError(f"expected real numbers, got an array of dtype {array.dtype}")
    return array


def send_back(x: Any, kind: Kind) -> Any:
    """Return `x`, a NumPy or CuPy array, as an array of `kind`."""
    if kind.on_gpu and isinstance(x, np.ndarray):
        x = namespace_of(kind).asarray(x)
    elif not kind.on_gpu and not isinstance(x, np.ndarray | np.generic):
        x = x.get()
    if kind in (NUMPY, CUPY):
        return x
    if not kind.on_gpu:
        # A scalar has no DLPack, and NumPy does not export what may not be written, such as a view
        # of a JAX array.
        x = np.require(x, requirements="W")
    library: Any = sys.modules[kind.name]
    if kind.name == "jax":
        library = library.numpy
    return library.from_dlpack(x)
