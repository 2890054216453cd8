"""A product with its algorithm chosen, to be run on any number of rows."""

from __future__ import annotations

import ctypes
import threading
from collections import OrderedDict
from typing import Any, NamedTuple

from .descriptors import (
    HeuristicResult,
    Layout,
    Operation,
    OperationAttribute,
    Preference,
    PreferenceAttribute,
)
from .library import Library
from .problem import Problem
from .refused import Refused

REPRESENTATIVE_ROWS = 1024
"""The batch that algorithms are chosen for.

Every batch gets the same one, so that bits depend neither on its size nor on what was asked first.
"""

_WORKSPACE_BYTES = 32 << 20
_EPILOGUE_MARGIN = 16
"""Bytes of workspace beyond those that an algorithm with an epilogue asks for (nvmath-python)."""

_REDUCTIONS_IN_ORDER = 2 | 4
"""Split sums are stored apart and added in a step of their own.

Not in place (1), where blocks take turns at the result in whatever order they come.
"""

_SHAPES_KEPT = 16
_ONE = {False: ctypes.c_float(1), True: ctypes.c_double(1)}
_ZERO = {False: ctypes.c_float(0), True: ctypes.c_double(0)}


class Addresses(NamedTuple):
    """Where the arrays of a call are; 0 for those there are not."""

    a: int
    b: int
    d: int
    bias: int
    aux: int


class _Shape(NamedTuple):
    """The layouts for a number of rows, and the workspace that the algorithm needs for them."""

    a: Layout
    b: Layout
    d: Layout
    workspace_bytes: int


class Plan:
    """A problem with the algorithm that cuBLASLt's heuristic puts first.

    The heuristic is a computation on the host: it looks at the problem and the device's model, runs
    nothing and measures nothing, so the same machine chooses the same algorithm in every process.

    Parameters
    ----------
    library : Library
        cuBLASLt.
    handle : c_void_p
        Its handle on the current device.
    problem : Problem
        What to compute.

    Raises
    ------
    Refused
        If no algorithm computes this.
    """

    def __init__(self, library: Library, handle: ctypes.c_void_p, problem: Problem) -> None:
        self._library = library
        self._handle = handle
        self._problem = problem
        self._alpha = ctypes.byref(_ONE[problem.double])
        self._beta = ctypes.byref(_ZERO[problem.double])
        self._operation = self._describe()
        self._lock = threading.Lock()
        self._shapes: OrderedDict[int, _Shape] = OrderedDict()
        self._chosen = self._choose()

    def _describe(self) -> Operation:
        problem = self._problem
        operation = Operation(self._library, problem.compute_type, problem.data_type)
        transpose_a, transpose_b = problem.product.value
        operation.set(OperationAttribute.TRANSPOSE_A, int(transpose_a))
        operation.set(OperationAttribute.TRANSPOSE_B, int(transpose_b))
        operation.set(OperationAttribute.EPILOGUE, problem.epilogue)
        # The heuristic reads alignments off the addresses, so it gets ones that are aligned as far
        # as the problem says and no further.
        if problem.alignments.bias:
            operation.set(OperationAttribute.BIAS_POINTER, problem.alignments.bias)
        if problem.aux_leading:
            operation.set(OperationAttribute.AUX_POINTER, problem.alignments.aux)
            operation.set(OperationAttribute.AUX_LEADING_DIMENSION, problem.aux_leading)
        return operation

    def _layouts(self, rows: int) -> list[Layout]:
        kind = self._problem.data_type
        return [
            Layout(self._library, kind, height, width, height)
            for height, width in self._problem.shapes(rows)
        ]

    def _choose(self) -> HeuristicResult:
        obstacle = self._problem.obstacle(REPRESENTATIVE_ROWS, self._library.version)
        if obstacle is not None:
            raise Refused(f"cuBLASLt does not compute {obstacle}")
        preference = Preference(self._library)
        alignments = self._problem.alignments
        preference.set(PreferenceAttribute.MAX_WORKSPACE_BYTES, _WORKSPACE_BYTES)
        preference.set(PreferenceAttribute.REDUCTION_SCHEMES, _REDUCTIONS_IN_ORDER)
        preference.set(PreferenceAttribute.ALIGNMENT_A, alignments.a)
        preference.set(PreferenceAttribute.ALIGNMENT_B, alignments.b)
        preference.set(PreferenceAttribute.ALIGNMENT_C, alignments.d)
        preference.set(PreferenceAttribute.ALIGNMENT_D, alignments.d)
        a, b, d = self._layouts(REPRESENTATIVE_ROWS)
        result, found = HeuristicResult(), ctypes.c_int()
        self._library.call(
            "cublasLtMatmulAlgoGetHeuristic",
            self._handle,
            self._operation.pointer,
            *(a.pointer, b.pointer, d.pointer, d.pointer),
            preference.pointer,
            1,
            ctypes.byref(result),
            ctypes.byref(found),
        )
        if found.value == 0 or result.status:
            raise Refused(f"cuBLASLt has no algorithm for {self._problem}")
        return result

    def _shape(self, rows: int) -> _Shape:
        """Return the layouts for a batch, after asking whether the algorithm takes it."""
        shape = self._shapes.get(rows)
        if shape is not None:
            return shape
        obstacle = self._problem.obstacle(rows, self._library.version)
        if obstacle is not None:
            raise Refused(f"cuBLASLt does not compute {obstacle}")
        a, b, d = self._layouts(rows)
        result = HeuristicResult()
        self._library.call(
            "cublasLtMatmulAlgoCheck",
            self._handle,
            self._operation.pointer,
            *(a.pointer, b.pointer, d.pointer, d.pointer),
            ctypes.byref(self._chosen),  # the algorithm is its first member
            ctypes.byref(result),
        )
        shape = self._shapes[rows] = _Shape(a, b, d, result.workspace_bytes)
        while len(self._shapes) > _SHAPES_KEPT:
            self._shapes.popitem(last=False)
        return shape

    def run(self, rows: int, addresses: Addresses) -> None:
        """Compute the product on CuPy's current stream, which is one of this plan's device.

        Parameters
        ----------
        rows : int
            Of the batch, at least one.
        addresses : Addresses
            Of arrays as aligned as the problem says.

        Raises
        ------
        Refused
            If the algorithm does not take this number of rows, or the library fails.
        """
        import cupy

        with self._lock:  # the operation holds the addresses until the library has read them
            shape = self._shape(rows)
            workspace: Any = None
            workspace_bytes = shape.workspace_bytes
            if workspace_bytes:
                workspace_bytes += _EPILOGUE_MARGIN
                # Freed as soon as this returns: CuPy's pool gives it to later work of this stream.
                workspace = cupy.cuda.alloc(workspace_bytes)
            if addresses.bias:
                self._operation.set(OperationAttribute.BIAS_POINTER, addresses.bias)
            if addresses.aux:
                self._operation.set(OperationAttribute.AUX_POINTER, addresses.aux)
            self._library.call(
                "cublasLtMatmul",
                self._handle,
                self._operation.pointer,
                self._alpha,
                *(addresses.a, shape.a.pointer),
                *(addresses.b, shape.b.pointer),
                self._beta,
                *(addresses.d, shape.d.pointer),  # C, which is not read
                *(addresses.d, shape.d.pointer),
                ctypes.byref(self._chosen),
                workspace.ptr if workspace_bytes else None,
                workspace_bytes,
                cupy.cuda.get_current_stream().ptr,
            )
