"""The algorithm that the double's heuristic gives: opaque to programs, and strict.

It holds what it was chosen for, so that using it for something else is noticed: a kernel of a GPU
would refuse that, fault, or compute something wrong.
"""

from __future__ import annotations

import ctypes
import hashlib

from ..errors import DeviceMemoryError
from .descriptors import Layout, Operation, Preference
from .rules import INVALID_VALUE, NOT_SUPPORTED, SUCCESS

_MARK = 0x6770755F6F6E  # of the algorithms that come from here
_ALIGNED = ("matrix A", "matrix B", "matrix C", "matrix D", "the bias", "the auxiliary matrix")
_WIDEST_ACCESS = 16
_WORKSPACE_BYTES = 4096
"""What an algorithm asks for if it may, so that programs have to provide it."""


class Algorithm(ctypes.Structure):
    """``cublasLtMatmulAlgo_t``: for what it was chosen, and the alignments it relies on."""

    _fields_ = (
        ("mark", ctypes.c_uint64),
        ("kind", ctypes.c_uint64),
        ("workspace_bytes", ctypes.c_uint64),
        ("alignments", ctypes.c_uint32 * len(_ALIGNED)),
        ("rest", ctypes.c_uint64 * 2),
    )


class Result(ctypes.Structure):
    """``cublasLtMatmulHeuristicResult_t``."""

    _fields_ = (
        ("algorithm", Algorithm),
        ("workspace_bytes", ctypes.c_size_t),
        ("status", ctypes.c_int),
        ("waves", ctypes.c_float),
        ("reserved", ctypes.c_int * 4),
    )


def _kind(operation: Operation, layouts: tuple[Layout, ...]) -> int:
    """Return a number for all that an algorithm is bound to: everything but sizes and addresses."""
    bound = (
        operation.compute_type, operation.scale_type, operation.transpose_a, operation.transpose_b,
        operation.epilogue, *(layout.data_type for layout in layouts),
    )  # fmt: skip
    return int.from_bytes(hashlib.sha256(repr(bound).encode()).digest()[:8], "little")


def algorithm_for(
    operation: Operation, layouts: tuple[Layout, ...], wishes: Preference
) -> Algorithm:
    """Return the algorithm for a product."""
    algorithm = Algorithm(mark=_MARK, kind=_kind(operation, layouts))
    # Those of the vectors are read off the addresses that the operation has now.
    algorithm.alignments[:] = [
        wishes.alignment_a, wishes.alignment_b, wishes.alignment_c, wishes.alignment_d,
        _alignment(operation.bias), _alignment(operation.aux),
    ]  # fmt: skip
    algorithm.workspace_bytes = min(_WORKSPACE_BYTES, wishes.workspace_bytes)
    return algorithm


def mismatch(algorithm: Algorithm, operation: Operation, layouts: tuple[Layout, ...]) -> int:
    """Return what the library says to an algorithm that was chosen for something else."""
    if algorithm.mark != _MARK:
        return INVALID_VALUE
    return SUCCESS if algorithm.kind == _kind(operation, layouts) else NOT_SUPPORTED


def require_alignments(
    algorithm: Algorithm, operation: Operation, addresses: tuple[int, ...]
) -> None:
    """Raise where a kernel would fault: it relies on the alignments it was chosen for."""
    everything = (*addresses, operation.bias, operation.aux)
    for name, address, alignment in zip(_ALIGNED, everything, algorithm.alignments, strict=True):
        if address % alignment:
            raise DeviceMemoryError(
                f"{name} of cublasLtMatmul at 0x{address:x} is not aligned to {alignment} bytes, "
                "as the algorithm was told"
            )


def _alignment(address: int) -> int:
    """Return the greatest power of two that divides an address, as far as it matters."""
    return min(address & -address, _WIDEST_ACCESS) or 1
