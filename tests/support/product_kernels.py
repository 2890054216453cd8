"""The compiled units of matrix products for each instruction set and dtype of this processor."""

from typing import Any

import numpy as np

from mlpcore.backends.cpu.library import library


def unit(name: str, isa: Any, dtype: Any) -> Any:
    """Return a unit of kernels, from the disk where it was compiled before."""
    return library(isa, np.dtype(dtype).name).kernels(name)


def normal(shape: Any, dtype: Any, seed: int = 0) -> np.ndarray:
    """Return numbers of both signs."""
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def panels(rows: np.ndarray, width: int, beyond: float = 0.0) -> np.ndarray:
    """Return rows (n, features) as panels (count, features, width), `beyond` in lanes left over."""
    count = -(-len(rows) // width)
    filled = np.full((count * width, rows.shape[1]), beyond, rows.dtype)
    filled[: len(rows)] = rows
    return np.ascontiguousarray(filled.reshape(count, width, -1).transpose(0, 2, 1))


def call(compiled: Any, name: str, *arguments: Any) -> Any:
    """Call the kernel `name` with arrays, by their addresses, and whole numbers."""
    assert len(arguments) == len(compiled.signatures[name].arguments)  # C would not notice
    words = [a.ctypes.data if isinstance(a, np.ndarray) else a for a in arguments]
    return compiled.function(name)(*words)
