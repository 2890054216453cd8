"""Formulas as plain Python functions of numbers, and how they become device functions.

A formula is written once, for a number, with Python's floats in it: ``1.0 / (1.0 + exp(-z))``.  In
a float32 kernel a literal 1.0 would be double precision and make the whole computation so.  So
`Tools.device` gives the function to Numba with every float constant, its own and those of its
module, in the dtype of the kernel, and does the same to the formulas that it calls.

What a formula returns is read from its annotation: ``float``, ``int``, ``bool``, ``None``, or
``tuple[float, ...]`` with each element named.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from math import cos, erfc, pi, sin, sqrt
from types import CodeType, FunctionType
from typing import Any

import numpy as np

Formula = Callable[..., Any]


def fused(x: float, y: float, z: float) -> float:
    """Return x y + z, on the device rounded once."""
    return x * y + z


def product(x: float, y: float) -> float:
    """Return x y, on the device rounded also where something is added to it."""
    return x * y


def normal_cdf(z: float) -> float:
    """Return Φ(z), the probability that a standard normal variable is at most `z`."""
    return 0.5 * erfc(-z * sqrt(0.5))


def cosine_pi(x: float) -> float:
    """Return cos πx."""
    return cos(pi * x)


def sine_pi(x: float) -> float:
    """Return sin πx."""
    return sin(pi * x)


_LIBRARY = {
    fused: ("fmaf", "fma"),
    product: ("fmul_rn", "dmul_rn"),
    normal_cdf: ("normcdff", "normcdf"),
    cosine_pi: ("cospif", "cospi"),
    sine_pi: ("sinpif", "sinpi"),
}
"""What CUDA's mathematical library has for a formula, in single and double precision."""


class Tools:
    """What the factories of kernels are given.

    Parameters
    ----------
    dtype : dtype
        float32 or float64.

    Attributes
    ----------
    dtype : dtype
        The dtype of the kernel's numbers.
    real : numba type
        The same for Numba: ``real(n)`` converts an integer.
    cuda, types : module
        ``numba.cuda``, with thread numbers, barriers, shuffles and shared memory; ``numba.types``.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        from numba import cuda, types

        self.cuda: Any = cuda
        self.types: Any = types
        self.dtype = dtype
        self.real: Any = types.float32 if dtype == np.float32 else types.float64
        self._made: dict[Formula, Any] = {}

    def device(self, formula: Formula) -> Any:
        """Return `formula` as a device function of the kernel's dtype, which is always inlined."""
        if formula not in self._made:
            made = _of_library(formula, self.dtype) if formula in _LIBRARY else None
            self._made[formula] = made or self._subroutine(formula)
        return self._made[formula]

    def _subroutine(self, formula: Formula) -> Any:
        """Return what compiles `formula` as a part of the kernel that calls it.

        A function that ``cuda.jit`` has decorated would be compiled for the current device, which
        asks the driver, even where the kernel is compiled for a stated compute capability.
        """
        from numba.cuda.core import targetconfig
        from numba.cuda.extending import intrinsic

        function = self.specialised(formula)
        result = self._type_of(formula.__annotations__["return"])

        compiled: dict[Any, Any] = {}  # for one kernel: Tools serve no other

        def write(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            if signature not in compiled:
                flags = targetconfig.ConfigStack().top().copy()
                flags.forceinline = True
                compiled[signature] = context.compile_subroutine(
                    builder, function, signature, flags=flags, caching=False
                )
            context.active_code_library.add_linking_library(compiled[signature].library)
            return context.call_internal(builder, compiled[signature].fndesc, signature, arguments)

        def subroutine(typing_context: Any, *arguments: Any) -> Any:  # noqa: ARG001
            return result(*map(self.types.unliteral, arguments)), write

        # Numba looks for each argument by name.
        names = ("typing_context", *inspect.signature(formula).parameters)
        subroutine.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
        )
        return intrinsic(subroutine)

    def _type_of(self, annotation: str) -> Any:
        types = self.types
        named = {"float": self.real, "int": types.int64, "bool": types.boolean, "None": types.void}
        if annotation in named:
            return named[annotation]
        inside = annotation.removeprefix("tuple[").removesuffix("]").split(", ")
        return types.UniTuple(named[inside[0]], len(inside))

    def specialised(self, formula: Formula) -> FunctionType:
        """Return `formula` with its constants, and what it calls, in the kernel's dtype."""
        assert isinstance(formula, FunctionType)
        code = self._with_constants(formula.__code__)
        scope = {
            name: self._converted(formula.__globals__[name])
            for name in code.co_names
            if name in formula.__globals__
        }
        scope["__builtins__"] = formula.__globals__["__builtins__"]
        scope["__name__"] = formula.__module__
        return FunctionType(code, scope, formula.__name__, closure=formula.__closure__)

    def _with_constants(self, code: CodeType) -> CodeType:
        """Return `code` with them, also where Python has joined them: ``a, b = 0.0, 0.0``."""

        def constant(value: Any) -> Any:
            if isinstance(value, tuple):
                return tuple(map(constant, value))
            return self.dtype.type(value) if isinstance(value, float) else value

        return code.replace(co_consts=constant(code.co_consts))

    def _converted(self, value: Any) -> Any:
        if isinstance(value, float):
            return self.dtype.type(value)
        return self.device(value) if isinstance(value, FunctionType) else value


def _of_library(formula: Formula, dtype: np.dtype[Any]) -> Any:
    from numba.cuda import libdevice

    return getattr(libdevice, _LIBRARY[formula][dtype == np.float64])
