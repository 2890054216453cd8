"""cuBLAS by NumPy: matrix products, matrix-vector products and dot products of real numbers.

Matrices are column-major.  Products are summed in whatever order the host's BLAS sums, which is
not that of a GPU; the precision is the one that the call asks for.
"""

from __future__ import annotations

import numpy as np

from .blas_arguments import Dot, Gemm, GemmEx, GemmStridedBatchedEx, Gemv
from .blas_operands import Operands, Real, compute_type, data_type
from .counters import Counters
from .emulates import emulates
from .memory import Memory

_EXACT_MATH = (0, 2)  # default and pedantic
_VERSION = 130_000
_SINGLE, _DOUBLE = 0, 1


class Blas:
    """One handle's worth of cuBLAS."""

    def __init__(self, counters: Counters, memory: Memory) -> None:
        self.counters = counters
        self.operands = Operands(memory)
        self._math_mode = _EXACT_MATH[0]

    @emulates("cublas.create")
    def create(self) -> int:
        """Create the handle."""
        return 1 << 16

    @emulates("cublas.destroy", "cublas.setStream")
    def nothing(self, *arguments: int) -> None:
        """Do nothing."""

    @emulates("cublas.getStream")
    def stream(self, handle: int) -> int:  # noqa: ARG002
        """Return the default stream."""
        return 0

    @emulates("cublas.getVersion")
    def version(self, handle: int) -> int:  # noqa: ARG002
        """Return the version."""
        return _VERSION

    @emulates("cublas.setPointerMode")
    def set_pointer_mode(self, handle: int, mode: int) -> None:  # noqa: ARG002
        """Say whether scalars lie on the host (0) or on the device (1)."""
        self.operands.pointer_mode = mode

    @emulates("cublas.getPointerMode")
    def pointer_mode(self, handle: int) -> int:  # noqa: ARG002
        """Return what `set_pointer_mode` set."""
        return self.operands.pointer_mode

    @emulates("cublas.setMathMode")
    def set_math_mode(self, handle: int, mode: int) -> None:  # noqa: ARG002
        """Allow less precise arithmetic, which is refused."""
        if mode not in _EXACT_MATH:
            raise NotImplementedError(
                f"gpu_on_cpu: cuBLAS math mode {mode} (TF32 or half precision) is not emulated"
            )
        self._math_mode = mode

    @emulates("cublas.getMathMode")
    def math_mode(self, handle: int) -> int:  # noqa: ARG002
        """Return what `set_math_mode` set."""
        return self._math_mode

    @emulates("cublas.sgemm")
    def sgemm(self, *arguments: int) -> None:
        """Multiply in single precision."""
        self.counters.library_calls["sgemm"] += 1
        self._multiply(Gemm(*arguments).with_type(_SINGLE), np.float32)

    @emulates("cublas.dgemm")
    def dgemm(self, *arguments: int) -> None:
        """Multiply in double precision."""
        self.counters.library_calls["dgemm"] += 1
        self._multiply(Gemm(*arguments).with_type(_DOUBLE), np.float64)

    @emulates("cublas.sgemmEx")
    def sgemm_ex(self, *arguments: int) -> None:
        """Multiply matrices of any type in single precision."""
        self.counters.library_calls["sgemmEx"] += 1
        self._multiply(GemmEx(*arguments), np.float32)

    @emulates("cublas.gemmEx")
    def gemm_ex(self, *arguments: int) -> None:
        """Multiply matrices of any type in the precision asked for."""
        self.counters.library_calls["gemmEx"] += 1
        call = GemmEx(*arguments)
        self._multiply(call, compute_type(call.compute))

    @emulates("cublas.gemmStridedBatchedEx")
    def gemm_strided_batched_ex(self, *arguments: int) -> None:
        """Multiply many matrices at equal distances."""
        self.counters.library_calls["gemmStridedBatchedEx"] += 1
        call = GemmStridedBatchedEx(*arguments)
        a, b, c = (np.dtype(data_type(t)).itemsize for t in (call.type_a, call.type_b, call.type_c))
        for number in range(call.batch_count):
            self._multiply(call.product(number, (a, b, c)), compute_type(call.compute))

    @np.errstate(all="ignore")  # a GPU does not warn
    def _multiply(self, call: GemmEx, work: Real) -> None:
        """Set C = alpha op(A) op(B) + beta C; with beta zero, C is written and not read."""
        m, n, k = call.m, call.n, call.k
        shape_a = (k, m) if call.transpose_a else (m, k)
        shape_b = (n, k) if call.transpose_b else (k, n)
        view = self.operands.matrix
        A = view(call.a, shape_a, call.lda, data_type(call.type_a), "A").astype(work)
        B = view(call.b, shape_b, call.ldb, data_type(call.type_b), "B").astype(work)
        C = view(call.c, (m, n), call.ldc, data_type(call.type_c), "C")
        alpha = self.operands.scalar(call.alpha, work)
        beta = self.operands.scalar(call.beta, work)
        product = (A.T if call.transpose_a else A) @ (B.T if call.transpose_b else B)
        C[...] = alpha * product if beta == 0 else alpha * product + beta * C.astype(work)

    @emulates("cublas.sgemv")
    def sgemv(self, *arguments: int) -> None:
        """Multiply a matrix and a vector in single precision."""
        self.counters.library_calls["sgemv"] += 1
        self._apply(Gemv(*arguments), np.float32)

    @emulates("cublas.dgemv")
    def dgemv(self, *arguments: int) -> None:
        """Multiply a matrix and a vector in double precision."""
        self.counters.library_calls["dgemv"] += 1
        self._apply(Gemv(*arguments), np.float64)

    @np.errstate(all="ignore")  # a GPU does not warn
    def _apply(self, call: Gemv, kind: Real) -> None:
        """Set y = alpha op(A) x + beta y; with beta zero, y is written and not read."""
        A = self.operands.matrix(call.a, (call.m, call.n), call.lda, kind, "A")
        A = A.T if call.transpose else A
        x = self.operands.vector(call.x, A.shape[1], call.step_x, kind, "x")
        y = self.operands.vector(call.y, A.shape[0], call.step_y, kind, "y")
        alpha = self.operands.scalar(call.alpha, kind)
        beta = self.operands.scalar(call.beta, kind)
        y[...] = alpha * (A @ x) if beta == 0 else alpha * (A @ x) + beta * y

    @emulates("cublas.sdot")
    def sdot(self, *arguments: int) -> None:
        """Multiply two vectors in single precision."""
        self.counters.library_calls["sdot"] += 1
        self._dot(Dot(*arguments), np.float32)

    @emulates("cublas.ddot")
    def ddot(self, *arguments: int) -> None:
        """Multiply two vectors in double precision."""
        self.counters.library_calls["ddot"] += 1
        self._dot(Dot(*arguments), np.float64)

    @np.errstate(all="ignore")  # a GPU does not warn
    def _dot(self, call: Dot, kind: Real) -> None:
        x = self.operands.vector(call.x, call.n, call.step_x, kind, "x")
        y = self.operands.vector(call.y, call.n, call.step_y, kind, "y")
        self.operands.give(call.result, kind(np.dot(x, y)))
