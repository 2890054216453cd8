"""The functions of cuBLASLt that need a GPU: handles, algorithms and products."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..cupy_double.blas_operands import Operands
from ..cupy_double.counters import Counters
from ..cupy_double.emulates import emulates
from ..cupy_double.memory import Memory
from ..cupy_double.streams import Streams
from ..errors import GpuOnCpuError
from .algorithm import Algorithm, Result, algorithm_for, mismatch, require_alignments
from .arithmetic import multiply
from .descriptors import Layout, Operation, Reader
from .rules import INVALID_VALUE, NOT_SUPPORTED, SUCCESS, status_of

_HANDLE = 0x17


class CublasLt:
    """One device's cuBLASLt."""

    def __init__(self, counters: Counters, memory: Memory, streams: Streams) -> None:
        self.counters = counters
        self.memory = memory
        self.streams = streams
        self.operands = Operands(memory)
        self._path: Path | None = None
        self._reader: Reader | None = None
        self._refused: frozenset[int] = frozenset()

    def use(self, path: Path) -> None:
        """Read descriptors with this library."""
        self._path = path

    @contextmanager
    def refusing(self, *refused: int) -> Iterator[None]:
        """Answer for a while that these epilogues are not supported, by their numbers."""
        before = self._refused
        self._refused = before | set(refused)
        try:
            yield
        finally:
            self._refused = before

    @property
    def _read(self) -> Reader:
        if self._reader is None:
            if self._path is None:
                raise GpuOnCpuError("cuBLASLt is not installed")
            self._reader = Reader(ctypes.CDLL(str(self._path)))
        return self._reader

    @emulates("cublasLt.create")
    def create(self, handle: int) -> int:
        """Create a handle."""
        ctypes.c_uint64.from_address(handle).value = _HANDLE
        return SUCCESS

    @emulates("cublasLt.destroy")
    def destroy(self, handle: int) -> int:
        """Destroy a handle."""
        _require_handle(handle)
        return SUCCESS

    @emulates("cublasLt.heuristic")
    def heuristic(
        self, handle: int, operation: int, a: int, b: int, c: int, d: int,
        preference: int, wanted: int, results: int, found: int,
    ) -> int:  # fmt: skip
        """Return one algorithm for a product, whatever the number wanted."""
        _require_handle(handle)
        self.counters.library_calls["cublasLtMatmulAlgoGetHeuristic"] += 1
        count = ctypes.c_int.from_address(found)
        count.value = 0
        if wanted < 1:
            return INVALID_VALUE
        described, layouts = self._description(operation, a, b, c, d)
        status = self._status(described, layouts)
        if status == SUCCESS:
            result = Result.from_address(results)
            ctypes.memset(results, 0, ctypes.sizeof(result))
            wishes = self._read.preference(preference)
            result.algorithm = algorithm_for(described, layouts, wishes)
            result.workspace_bytes = result.algorithm.workspace_bytes
            result.waves = 1
            count.value = 1
        return status

    @emulates("cublasLt.check")
    def check(
        self, handle: int, operation: int, a: int, b: int, c: int, d: int,
        algorithm: int, result: int,
    ) -> int:  # fmt: skip
        """Say whether an algorithm computes a product, and what it needs."""
        _require_handle(handle)
        described, layouts = self._description(operation, a, b, c, d)
        chosen = Algorithm.from_address(algorithm)
        status = self._status(described, layouts) or mismatch(chosen, described, layouts)
        if status == SUCCESS:
            answer = Result.from_address(result)
            answer.workspace_bytes = chosen.workspace_bytes
            answer.status = SUCCESS
            answer.waves = 1
        return status

    @emulates("cublasLt.matmul")
    def matmul(
        self, handle: int, operation: int, alpha: int, A: int, a: int, B: int, b: int,
        beta: int, C: int, c: int, D: int, d: int,
        algorithm: int, workspace: int, workspace_bytes: int, stream: int,
    ) -> int:  # fmt: skip
        """Set D = epilogue(alpha op(A) op(B) + beta C)."""
        _require_handle(handle)
        self.streams.require(stream)
        self.counters.library_calls["cublasLtMatmul"] += 1
        described, layouts = self._description(operation, a, b, c, d)
        status = self._status(described, layouts)
        if status == SUCCESS and algorithm:
            chosen = Algorithm.from_address(algorithm)
            status = mismatch(chosen, described, layouts)
            if status == SUCCESS and workspace_bytes < chosen.workspace_bytes:
                return INVALID_VALUE
            if status == SUCCESS:
                require_alignments(chosen, described, (A, B, C, D))
        if status != SUCCESS:
            return status
        if workspace_bytes:
            self.memory.fill(workspace, 0xFF, workspace_bytes)  # it may write anything there
        multiply(self.operands, described, layouts, alpha, beta, (A, B, C, D))
        return SUCCESS

    def _description(
        self, operation: int, a: int, b: int, c: int, d: int
    ) -> tuple[Operation, tuple[Layout, ...]]:
        layouts = tuple(self._read.layout(address) for address in (a, b, c, d))
        return self._read.operation(operation), layouts

    def _status(self, operation: Operation, layouts: tuple[Layout, ...]) -> int:
        status = status_of(operation, layouts)
        return NOT_SUPPORTED if not status and operation.epilogue in self._refused else status


def _require_handle(handle: int) -> None:
    if handle != _HANDLE:
        raise GpuOnCpuError(f"0x{handle:x} is not a handle of cuBLASLt")
