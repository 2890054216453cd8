"""Reading the opaque objects of the real library.

An attribute that is not read here must have its default value: what it would change is not
emulated.  The defaults are asked of a fresh object, so that attributes of later versions of the
library count too.
"""

from __future__ import annotations

import ctypes
from ctypes import byref, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from dataclasses import dataclass
from typing import Any, TypeVar

_MOST_ATTRIBUTES = 64
_LAYOUT_OF_DEFAULTS = (0, c_uint64(1), c_uint64(1), c_int64(1))

T = TypeVar("T")


@dataclass(frozen=True)
class Operation:
    """What is computed; the numbers are those of ``cublasLt.h``."""

    compute_type: int
    scale_type: int
    transpose_a: int
    transpose_b: int
    epilogue: int
    bias: int
    aux: int
    aux_leading: int


@dataclass(frozen=True)
class Layout:
    """A matrix in columns."""

    data_type: int
    rows: int
    columns: int
    leading: int

    def transposed(self, transpose: int) -> tuple[int, int]:
        """Return the shape of op(A): 0 none, 1 transpose, 2 conjugate transpose."""
        return (self.columns, self.rows) if transpose else (self.rows, self.columns)


@dataclass(frozen=True)
class Preference:
    """Which algorithms are wanted."""

    workspace_bytes: int
    alignment_a: int
    alignment_b: int
    alignment_c: int
    alignment_d: int


_OPERATION = {
    "compute_type": (0, c_int32),
    "scale_type": (1, c_int32),
    "transpose_a": (3, c_int32),
    "transpose_b": (4, c_int32),
    "epilogue": (7, c_uint32),
    "bias": (8, c_uint64),
    "aux": (11, c_uint64),
    "aux_leading": (12, c_int64),
}
_LAYOUT = {
    "data_type": (0, c_uint32),
    "rows": (2, c_uint64),
    "columns": (3, c_uint64),
    "leading": (4, c_int64),
}
_PREFERENCE = {
    "workspace_bytes": (1, c_uint64),
    "alignment_a": (5, c_uint32),
    "alignment_b": (6, c_uint32),
    "alignment_c": (7, c_uint32),
    "alignment_d": (8, c_uint32),
}
_NO_MATTER = {3}
"""Attributes of a preference that only choose among algorithms: how split sums are reduced."""


class Reader:
    """Reads descriptors through the real library."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._sizes: dict[str, dict[int, int]] = {}
        self._defaults = {
            "MatmulDesc": self._fresh("MatmulDesc", 68, 0),
            "MatrixLayout": self._fresh("MatrixLayout", *_LAYOUT_OF_DEFAULTS),
            "MatmulPreference": self._fresh("MatmulPreference"),
        }

    def operation(self, address: int) -> Operation:
        """Read a ``cublasLtMatmulDesc_t``."""
        return self._read("MatmulDesc", address, _OPERATION, Operation)

    def layout(self, address: int) -> Layout:
        """Read a ``cublasLtMatrixLayout_t``."""
        return self._read("MatrixLayout", address, _LAYOUT, Layout)

    def preference(self, address: int) -> Preference:
        """Read a ``cublasLtMatmulPreference_t``."""
        return self._read("MatmulPreference", address, _PREFERENCE, Preference, _NO_MATTER)

    def _read(
        self,
        kind: str,
        address: int,
        known: dict[str, tuple[int, Any]],
        into: type[T],
        no_matter: set[int] = frozenset(),  # type: ignore[assignment]
    ) -> T:
        values = self._attributes(kind, address)
        numbers = {number for number, _ in known.values()} | no_matter
        for number, default in self._defaults[kind].items():
            if number not in numbers and values[number] != default:
                raise NotImplementedError(
                    f"gpu_on_cpu: attribute {number} of cublasLt{kind} is not emulated"
                )
        return into(
            **{
                name: kind_of.from_buffer_copy(values[number]).value
                for name, (number, kind_of) in known.items()
            }
        )

    def _fresh(self, kind: str, *arguments: object) -> dict[int, bytes]:
        """Return the attributes of a new object, after finding out which there are."""
        made = c_void_p()
        getattr(self._library, f"cublasLt{kind}Create")(byref(made), *arguments)
        get = getattr(self._library, f"cublasLt{kind}GetAttribute")
        self._sizes[kind] = {}
        for number in range(_MOST_ATTRIBUTES):
            size = c_size_t()
            if get(made, number, None, c_size_t(0), byref(size)) == 0:
                self._sizes[kind][number] = size.value
        values = self._attributes(kind, made.value or 0)
        getattr(self._library, f"cublasLt{kind}Destroy")(made)
        return values

    def _attributes(self, kind: str, address: int) -> dict[int, bytes]:
        """Return all attributes of an object as bytes, by number."""
        get = getattr(self._library, f"cublasLt{kind}GetAttribute")
        values: dict[int, bytes] = {}
        written = c_size_t()
        for number, size in self._sizes[kind].items():
            value = (ctypes.c_char * size)()
            get(c_void_p(address), number, byref(value), c_size_t(size), byref(written))
            values[number] = value.raw
        return values
