"""How arrays of any kind come into a function and how its result goes out again."""

from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol, TypeVar

import numpy as np

from mlpcore.backends.arrays import (
    Kind,
    bring_in,
    common_kind,
    kind_of,
    namespace_of,
    send_back,
)


class SupportsDLPack(Protocol):
    """An array that other libraries can read in place."""

    def __dlpack__(self, *args: Any, **kwargs: Any) -> Any: ...
    def __dlpack_device__(self) -> Any: ...


A = TypeVar("A", bound=SupportsDLPack)
"""The caller's kind of array: the same goes out that came in."""


@dataclass(frozen=True)
class Frame:
    """What one call computes with.

    Attributes
    ----------
    kind : Kind
        The kind of the caller's arrays.
    xp : module
        The namespace that computes on them.
    dtype : numpy.dtype
        float32 or float64, the dtype of every array inside and of the result.
    """

    kind: Kind
    xp: ModuleType
    dtype: np.dtype[Any]

    def cast(self, x: Any) -> Any:
        """Return `x`, or None, as an array of `xp` and `dtype`."""
        return None if x is None else bring_in(x, self.kind).astype(self.dtype, copy=False)

    def keep(self, x: Any, array: Any) -> Any:
        """Return `array`, which `x` came in as, in the caller's kind: `x` itself if it can be."""
        untouched = hasattr(x, "__dlpack__") and bring_in(x, self.kind).dtype == self.dtype
        return x if untouched else self.give(array)

    def target(self, out: Any, shape: tuple[int, ...]) -> Any:
        """Return `out` as an array of `xp` in the same memory, or None if there is none.

        Raises
        ------
        TypeError
            If `out` is no array or has another dtype than the result.
        ValueError
            If it has another shape or is read-only.
        """
        if out is None:
            return None
        if not isinstance(out, np.ndarray) and not hasattr(out, "__dlpack__"):
            raise TypeError(f"out must be an array to write to, got {type(out).__name__}")
        target = bring_in(out, self.kind)
        if target.dtype != self.dtype:
            raise TypeError(f"out has dtype {target.dtype}, but the result is {self.dtype}")
        if target.shape != shape:
            raise ValueError(f"out has shape {target.shape}, but the result has {shape}")
        if isinstance(target, np.ndarray) and not target.flags.writeable:
            raise ValueError(f"out is a read-only {self.kind} array and cannot be written to")
        return target

    def give(self, result: Any, out: Any = None, target: Any = None) -> Any:
        """Return `result` in the caller's kind, written into `out` if there is one."""
        if target is None:
            return send_back(self.xp.asarray(result), self.kind)
        target[...] = result  # whole before it is written, so out may overlap an input
        return out


def enter(out: Any = None, **inputs: Any) -> tuple[Frame, list[Any]]:
    """Return the frame of a call and its inputs as arrays of it.

    Raises
    ------
    TypeError
        If the inputs are of different kinds, or one does not hold real numbers.
    """
    kind = common_kind(**inputs, out=out)
    arrays = [None if x is None else bring_in(x, kind) for x in inputs.values()]
    given = [
        array.dtype
        for array, x in zip(arrays, inputs.values(), strict=True)
        if array is not None and not _plain(x)
    ]
    frame = Frame(kind, namespace_of(kind), float_dtype(*given))
    return frame, [None if a is None else a.astype(frame.dtype, copy=False) for a in arrays]


def float_dtype(*dtypes: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype to compute in for inputs of `dtypes`: the widest float, at least float32.

    Raises
    ------
    TypeError
        If that is wider than float64, which would lose digits.
    """
    floats = [dtype for dtype in dtypes if dtype.kind == "f"]
    if not floats:
        return np.dtype(np.float64)
    widest = np.result_type(np.float32, *floats)
    if widest.itemsize > 8:
        raise TypeError(f"{widest} is wider than float64; convert it with x.astype('float64')")
    return widest


def _plain(x: Any) -> bool:
    """Whether `x` is a list or a Python number, neither of which has a dtype of its own."""
    return isinstance(x, list | tuple | int | float) and not isinstance(x, np.generic)


__all__ = ["A", "Frame", "Kind", "SupportsDLPack", "enter", "float_dtype", "kind_of"]
