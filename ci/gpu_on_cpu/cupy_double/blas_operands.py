"""Matrices, vectors and scalars of cuBLAS, as NumPy arrays on the device's memory."""

from __future__ import annotations

import ctypes

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..errors import DeviceMemoryError
from .memory import Memory

Real = type[np.floating]

_POINTER_MODE_DEVICE = 1
#: cudaDataType_t
_DATA_TYPES: dict[int, Real] = {0: np.float32, 1: np.float64, 2: np.float16}
#: Those cublasComputeType_t whose arithmetic NumPy has; the others round the operands to TF32 or
#: half precision.  CuPy gives a cudaDataType_t (0 and 1) where cuBLAS has an overload for it.
_COMPUTE_TYPES: dict[int, Real] = {
    0: np.float32,
    1: np.float64,
    68: np.float32,
    69: np.float32,
    70: np.float64,
    71: np.float64,
}


def data_type(number: int) -> Real:
    """Return the type of a matrix's elements."""
    if number not in _DATA_TYPES:
        raise NotImplementedError(f"gpu_on_cpu: cuBLAS data type {number} is not emulated")
    return _DATA_TYPES[number]


def compute_type(number: int) -> Real:
    """Return the type in which a product is computed."""
    if number not in _COMPUTE_TYPES:
        raise NotImplementedError(
            f"gpu_on_cpu: cuBLAS compute type {number} is not emulated (TF32, half and complex "
            "arithmetic would be done in another precision here)"
        )
    return _COMPUTE_TYPES[number]


class Operands:
    """Makes arrays of addresses, after checking that they lie in device memory."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.pointer_mode = 0

    def scalar(self, address: int, kind: Real) -> np.floating:
        """Return alpha or beta, which lies where the pointer mode says."""
        size = np.dtype(kind).itemsize
        if self.pointer_mode == _POINTER_MODE_DEVICE:
            self.memory.require(address, size, "a scalar of cuBLAS in device pointer mode")
        elif self.memory.is_device(address):
            raise DeviceMemoryError("cuBLAS in host pointer mode got a scalar on the device")
        return np.frombuffer(ctypes.string_at(address, size), kind)[0]

    def give(self, address: int, value: np.floating) -> None:
        """Store a scalar result where the pointer mode says."""
        data = value.tobytes()
        if self.pointer_mode == _POINTER_MODE_DEVICE:
            self.memory.require(address, len(data), "a result of cuBLAS in device pointer mode")
        elif self.memory.is_device(address):
            raise DeviceMemoryError("cuBLAS in host pointer mode got a result on the device")
        ctypes.memmove(address, data, len(data))

    def matrix(
        self, address: int, shape: tuple[int, int], leading: int, kind: Real, what: str
    ) -> np.ndarray:
        """Return a column-major matrix as a (rows, columns) view."""
        rows, columns = shape
        if leading < max(1, rows):
            raise DeviceMemoryError(
                f"cuBLAS: leading dimension {leading} of {what} with {rows} rows"
            )
        size = np.dtype(kind).itemsize
        if rows == 0 or columns == 0:
            return np.zeros(shape, kind)
        elements = (columns - 1) * leading + rows
        self.memory.require(address, elements * size, f"{what} of cuBLAS")
        flat = np.frombuffer((ctypes.c_char * (elements * size)).from_address(address), kind)
        return as_strided(flat, shape, (size, leading * size))

    def vector(self, address: int, count: int, step: int, kind: Real, what: str) -> np.ndarray:
        """Return a vector as a view."""
        if step < 1:
            raise NotImplementedError(f"gpu_on_cpu: stride {step} of {what} is not emulated")
        return self.matrix(address, (1, count), step, kind, what)[0]
