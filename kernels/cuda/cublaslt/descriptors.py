"""The opaque objects that describe a product to cuBLASLt, each freed with its Python object."""

from __future__ import annotations

import ctypes
import weakref
from ctypes import c_int32, c_int64, c_uint32, c_uint64, c_void_p
from typing import Any, NamedTuple

from .library import Library


class Attribute(NamedTuple):
    """The number of an attribute in ``cublasLt.h``, and its type, whose size the library checks."""

    number: int
    kind: Any


class OperationAttribute:
    """Of ``cublasLtMatmulDescAttributes_t``."""

    TRANSPOSE_A = Attribute(3, c_int32)
    TRANSPOSE_B = Attribute(4, c_int32)
    EPILOGUE = Attribute(7, c_uint32)
    BIAS_POINTER = Attribute(8, c_void_p)
    AUX_POINTER = Attribute(11, c_void_p)
    AUX_LEADING_DIMENSION = Attribute(12, c_int64)


class PreferenceAttribute:
    """Of ``cublasLtMatmulPreferenceAttributes_t``."""

    MAX_WORKSPACE_BYTES = Attribute(1, c_uint64)
    REDUCTION_SCHEMES = Attribute(3, c_uint32)
    ALIGNMENT_A = Attribute(5, c_uint32)
    ALIGNMENT_B = Attribute(6, c_uint32)
    ALIGNMENT_C = Attribute(7, c_uint32)
    ALIGNMENT_D = Attribute(8, c_uint32)


class _Descriptor:
    """An object that the library creates, has attributes set, and destroys."""

    kind: str

    def __init__(self, library: Library, *arguments: int) -> None:
        self._library = library
        self.pointer = c_void_p()
        library.call(f"cublasLt{self.kind}Create", ctypes.byref(self.pointer), *arguments)
        weakref.finalize(
            self, library.call, f"cublasLt{self.kind}Destroy", self.pointer
        ).atexit = False

    def set(self, attribute: Attribute, value: int) -> None:
        """Set an attribute; `Refused` if this version of the library does not know it."""
        given = attribute.kind(value)
        self._library.call(
            f"cublasLt{self.kind}SetAttribute",
            self.pointer,
            attribute.number,
            ctypes.byref(given),
            ctypes.sizeof(given),
        )


class Operation(_Descriptor):
    """What is computed: ``Operation(library, compute_type, scale_type)``."""

    kind = "MatmulDesc"


class Layout(_Descriptor):
    """A matrix in columns: ``Layout(library, data_type, rows, columns, leading_dimension)``."""

    kind = "MatrixLayout"


class Preference(_Descriptor):
    """Which algorithms are wanted: ``Preference(library)``."""

    kind = "MatmulPreference"


class HeuristicResult(ctypes.Structure):
    """``cublasLtMatmulHeuristicResult_t``: an algorithm, which is opaque, and what it needs."""

    _fields_ = (
        ("algorithm", c_uint64 * 8),
        ("workspace_bytes", ctypes.c_size_t),
        ("status", ctypes.c_int),
        ("waves", ctypes.c_float),
        ("reserved", ctypes.c_int * 4),
    )
