"""What cuBLASLt's epilogues do, column-major: a feature is a row, a sample is a column."""

from __future__ import annotations

import numpy as np

RELU, BIAS, DRELU, BGRAD, GELU, DGELU, AUX, BGRADA, BGRADB = (1 << i for i in range(1, 10))
"""The bits of ``cublasLtEpilogue_t``."""

KNOWN = frozenset(
    {
        1,
        BIAS,
        *(RELU | more for more in (0, BIAS, AUX, AUX | BIAS)),
        *(GELU | more for more in (0, BIAS, AUX, AUX | BIAS)),
        *(DRELU | AUX | more for more in (0, BGRAD)),
        *(DGELU | AUX | more for more in (0, BGRAD)),
        BGRADA,
        BGRADB,
    }
)

MASK_BITS = 128
"""The leading dimension of ReLU's mask is a multiple of this."""
INPUT_ELEMENTS = 8
"""The leading dimension of GELU's input is a multiple of this."""

_SLOPE = np.sqrt(2 / np.pi)
_CUBIC = 0.044715


def gelu(z: np.ndarray) -> np.ndarray:
    """Return GELU in the tanh form, which is the one of cuBLASLt."""
    u = _SLOPE * (z + _CUBIC * z**3)
    return (z * (1 + np.tanh(u)) / 2).astype(z.dtype)


def gelu_derivative(z: np.ndarray) -> np.ndarray:
    """Return the derivative of `gelu`."""
    t = np.tanh(_SLOPE * (z + _CUBIC * z**3))
    slope = _SLOPE * (1 + 3 * _CUBIC * z**2)
    return ((1 + t + z * (1 - t**2) * slope) / 2).astype(z.dtype)


def relu(z: np.ndarray) -> np.ndarray:
    """Return max(z, 0), which on a GPU is 0 for NaN (NVIDIA developer forum, topic 329783)."""
    return np.fmax(z, z.dtype.type(0))


def write_mask(z: np.ndarray, mask: np.ndarray) -> None:
    """Mark in `mask`, shape (bytes, columns), where z is not negative.

    Zero is marked, as the tests of NVIDIA's nvmath-python have it.  Bits after the last row are
    set, so that nobody relies on them.
    """
    rows = z.shape[0]
    marked = np.ones((-(-rows // 8) * 8, z.shape[1]), bool)
    marked[:rows] = z >= 0
    packed = np.packbits(marked, axis=0, bitorder="little")
    mask[: len(packed)] = packed


def read_mask(mask: np.ndarray, rows: int) -> np.ndarray:
    """Return where the mask is set, shape (rows, columns)."""
    return np.unpackbits(mask, axis=0, count=rows, bitorder="little").astype(bool)
