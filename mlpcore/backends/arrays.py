"""Which kind of array came in, so that the same kind goes out.

A kind is told apart without importing the library that makes it: only a caller who already has such
an array can hand one in, so the library is in `sys.modules` by then.
"""

import re
import sys
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from mlpcore.device import cupy_module, resolve

_HOST, _CUDA = 1, 2  # DLDeviceType in dlpack.h: kDLCPU, kDLCUDA
_CUDA_MANAGED = 13


class Kind(NamedTuple):
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
    try:
        place = int(x.__dlpack_device__()[0])
    except (ValueError, RuntimeError, BufferError) as error:  # torch's "meta" device, say
        raise TypeError(
            f"a {name} array is neither on the host nor on CUDA: {error}; move it to the host first"
        ) from error
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
                f"move one of them: {_advice(*first, name, kind)}"
            )
    return NUMPY if first is None else first[1]


def _advice(a: str, kind_a: Kind, b: str, kind_b: Kind) -> str:
    """Return how to bring arrays called `a` and `b`, of different kinds, together."""
    if kind_a.on_gpu == kind_b.on_gpu:
        target, moved = (kind_b, a) if kind_b in (NUMPY, CUPY) else (kind_a, b)
        library = "jax.numpy" if target.name == "jax" else target.name
        return f"{library}.from_dlpack({moved})"
    ours = {kind_a.on_gpu: _as_ours(a, kind_a), kind_b.on_gpu: _as_ours(b, kind_b)}
    host, gpu = ours[False], ours[True]
    return f"cupy.asarray({host}) to the GPU, or cupy.asnumpy({gpu}) to the host"


def _as_ours(name: str, kind: Kind) -> str:
    """Return the expression that makes NumPy's or CuPy's array of one that is called `name`."""
    if kind in (NUMPY, CUPY):
        return name
    return f"{'cupy' if kind.on_gpu else 'numpy'}.from_dlpack({name})"


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
        If `x` does not hold real numbers or booleans of a dtype that NumPy has, masks some of them,
        or is sparse.  float16 is such a dtype, bfloat16 is none: the message says what to convert
        it to.
    """
    # Told by an attribute: numpy.ma loads when it is first named, maybe just now in another thread.
    if isinstance(x, np.ndarray) and hasattr(x, "filled"):
        raise TypeError(
            "a masked array would lose its mask; give x.filled(value) with the value that the "
            "masked elements stand for"
        )
    if not isinstance(x, np.ndarray) and hasattr(x, "nnz") and hasattr(x, "toarray"):
        raise TypeError(
            f"expected an array, got a sparse {type(x).__name__}; give x.toarray(), in batches "
            "where that is too large, or use an estimator of mlpcore.sklearn, which takes sparse "
            "input"
        )
    xp = namespace_of(kind)
    if kind == CUPY and type(x) is xp.ndarray:
        array = x  # CuPy would bring one from another device to the current one, and say nothing
    elif kind in (NUMPY, CUPY) or not hasattr(x, "__dlpack__"):
        array = xp.asarray(x)
    else:
        try:
            array = xp.from_dlpack(x)
        except (BufferError, RuntimeError) as error:  # bfloat16, say, which NumPy does not have
            dtype = getattr(x, "dtype", "this dtype")
            advice = f"; {_TO_FLOAT32}" if _is_small_float(str(dtype)) else ""
            raise TypeError(f"a {kind} array of {dtype} cannot be read: {error}{advice}") from error
    if array.dtype.kind not in "fiub":
        advice = f"; {_TO_FLOAT32}" if _is_small_float(array.dtype.name) else ""
        raise TypeError(f"expected real numbers, got an array of dtype {array.dtype}{advice}")
    return array


_TO_FLOAT32 = "convert it to float32 first, which holds the same numbers"


def _is_small_float(dtype: str) -> bool:
    """Return whether this is the name of a float of 16 bits or fewer that NumPy does not have."""
    return re.search(r"\b(bfloat16|float[468]_)", dtype) is not None


def send_back(x: Any, kind: Kind) -> Any:
    """Return `x`, a NumPy or CuPy array, as an array of `kind` and of the same dtype.

    Raises
    ------
    TypeError
        If the library of `kind` gives another dtype, as JAX does for float64 unless told otherwise.
    """
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
    result = library.from_dlpack(x)
    _check_dtype(result.dtype, x.dtype.name, kind)
    return result


def _check_dtype(dtype: Any, expected: str, kind: Kind) -> None:
    found = getattr(dtype, "name", str(dtype)).rpartition(".")[2]  # PyTorch's is "torch.float32"
    if found == expected:
        return
    advice = "jax.config.update('jax_enable_x64', True)" if kind.name == "jax" else "its settings"
    raise TypeError(
        f"the result is {expected}, but {kind.name} made {found} of it; allow {expected} with "
        f"{advice}, give NumPy arrays, or use {found} throughout"
    )
