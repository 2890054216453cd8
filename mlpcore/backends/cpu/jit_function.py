"""Prediction inside functions that a user compiles with Numba: a call of a kernel by its address.

A compiled function holds addresses of tables and weights, so whatever holds its code has to keep
those alive.  Numba keeps the code of a function together with all code that it was linked from, and
to the code of the call, the `Predictor` is attached.  Addresses also mean nothing to another
process: they are given to Numba as such, and it keeps no function that contains one on disk.
"""

import itertools
import weakref
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils, errors, imputils
from numba.extending import intrinsic, models, register_model, typeof_impl

from mlpcore.backends.cpu.cost_model import LARGEST_FEW
from mlpcore.backends.cpu.predictor import Predictor
from mlpcore.backends.layout import ALIGNMENT

__all__ = ["jit_function"]

_MANY_ROWS = 1 << 40
"""More rows than any cost model looks at one by one."""

# What Numba's annotations say of these is not what they do.
_numba: Any = numba
_unpack_tuple: Any = cgutils.unpack_tuple
_lower_constant: Any = imputils.lower_constant
_intrinsic: Any = intrinsic


class _Target:
    """What the calls of one function need at compile time, and keep alive."""

    def __init__(self, predictor: Predictor) -> None:
        library = predictor.table.library
        self.predictor = predictor  # which keeps the weights
        self.dtype = predictor.table.dtype
        self.network = predictor.table.address
        self.few = library.kernels("few")["predict_few"]
        self.many = library.kernels("many")["predict_many"]
        self.type = _TargetType(self)


class _TargetType(types.Opaque):
    """The type of one `_Target` in compiled functions: Numba may remember it for ever."""

    def __init__(self, target: _Target) -> None:
        super().__init__(f"mlpcore.Target({next(_numbers)})")
        self.target = weakref.ref(target)


_numbers = itertools.count()

register_model(_TargetType)(models.OpaqueModel)


@typeof_impl.register(_Target)
def _typeof(target: _Target, _purpose: Any) -> _TargetType:
    return target.type


@_lower_constant(_TargetType)  # type: ignore[untyped-decorator]
def _nothing(context: Any, _builder: Any, _kind: Any, _target: Any) -> Any:
    """At run time a target is nothing."""
    return context.get_dummy_value()


def jit_function(predictor: Predictor) -> Callable[[Any, Any], None] | None:
    """Return ``predict(x, out)`` for compiled functions, or None if Numba is told not to compile.

    Parameters
    ----------
    predictor : Predictor
        What predicts, with parameters that nobody writes any more.
    """
    if _numba.config.DISABLE_JIT:
        return None
    target = _Target(predictor)
    features, outputs = predictor.features, predictor.outputs
    # How calls with 0, 1, 2, ... rows are computed, and all with more than these.
    calls = [predictor.prepared(max(rows, 1), 1) for rows in range(LARGEST_FEW + 1)]
    calls.append(predictor.prepared(_MANY_ROWS, 1))
    for packing in {call.packing for call in calls}:
        packing.refresh()
    few = np.array([call.packing is predictor.table.few for call in calls])
    shares = np.array([call.share for call in calls])
    chunks = np.array([call.chunk for call in calls])
    totals = np.array([call.total + ALIGNMENT for call in calls])
    last = len(calls) - 1

    def predict(x: Any, out: Any) -> None:
        _require(target, x, out)
        rows = 1 if x.ndim == 1 else x.shape[0]
        if x.shape[-1] != features:
            raise ValueError("x must have one column for each input feature of the network")
        if out.shape[-1] != outputs or out.shape[:-1] != x.shape[:-1]:
            raise ValueError("out must have a row for each row of x, of one column for each output")
        if rows > 0:
            x_at, out_at = x.ctypes.data, out.ctypes.data
            if x_at < out_at + out.nbytes and out_at < x_at + x.nbytes:
                raise ValueError("out shares memory with x")
            i = min(rows, last)
            memory = np.empty(totals[i], np.uint8)
            scratch = (memory.ctypes.data + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT
            call = (x_at, features, rows, out_at, outputs, scratch, shares[i], chunks[i], 1, 1)
            _call(target, few[i], call, x, out, memory)

    compiled: Any = _numba.njit(predict)
    compiled.mlpcore_target = target
    return compiled  # type: ignore[no-any-return]


@_intrinsic  # type: ignore[untyped-decorator]
def _require(typing: Any, target: Any, x: Any, out: Any) -> Any:  # noqa: ARG001
    """Refuse types of arrays that the kernels do not read and write."""
    dtype = _numba.from_dtype(target.target().dtype)
    for name, array in (("x", x), ("out", out)):
        if not (
            isinstance(array, types.Array)
            and array.dtype == dtype
            and array.layout == "C"
            and array.aligned
            and array.ndim in (1, 2)
        ):
            raise errors.TypingError(
                f"{name} must be a C-contiguous array of {dtype} with one or two axes, got {array}"
            )
    if out.ndim != x.ndim:
        raise errors.TypingError(f"x and out must have as many axes, got {x} and {out}")
    if not out.mutable:
        raise errors.TypingError(f"out must not be read-only, got {out}")

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return context.get_dummy_value()

    return types.void(target, x, out), generate


@_intrinsic  # type: ignore[untyped-decorator]
def _call(
    typing: Any,  # noqa: ARG001
    target: Any,
    few: Any,
    words: Any,
    x: Any,
    out: Any,
    memory: Any,
) -> Any:
    """Call a kernel with its arguments but the first; the arrays must live until it returns."""

    # Numba keeps this function for ever, so it must not hold the target itself.
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target = signature.args[0].target()
        context.active_code_library.mlpcore_target = target
        word = ir.IntType(64)

        def address(value: int, what: str) -> Any:
            return context.add_dynamic_addr(builder, value, info=what)

        kernel = builder.select(
            context.cast(builder, arguments[1], signature.args[1], types.boolean),
            address(target.few, "predict_few"),
            address(target.many, "predict_many"),
        )
        given = [builder.ptrtoint(address(target.network, "network"), word)]
        for value, kind in zip(
            _unpack_tuple(builder, arguments[2]), signature.args[2], strict=True
        ):
            given.append(context.cast(builder, value, kind, types.int64))
        function = ir.FunctionType(ir.VoidType(), [word] * len(given))
        builder.call(builder.bitcast(kernel, function.as_pointer()), given)
        return context.get_dummy_value()

    return types.void(target, few, words, x, out, memory), generate
