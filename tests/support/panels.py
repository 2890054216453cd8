"""Arrays handed to kernels: as addresses, as panels; and the comparison of their bits."""

from typing import Any

import numpy as np


def call(compiled: Any, name: str, *arguments: Any) -> Any:
    """Call the kernel `name` with arrays, by their addresses, and whole numbers."""
    words = [a.ctypes.data if isinstance(a, np.ndarray) else a for a in arguments]
    return compiled.function(name)(*words)


def to_panel(rows: np.ndarray, width: int, beyond: float = 0.0) -> np.ndarray:
    """Return rows (n, features) as one panel (features, width); `beyond` fills the other lanes."""
    panel = np.full((rows.shape[1], width), beyond, dtype=rows.dtype)
    panel[:, : len(rows)] = rows.T
    return panel


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays hold the same bits, any NaN being as good as another."""
    word = f"u{a.dtype.itemsize}"
    equal = np.ascontiguousarray(a).view(word) == np.ascontiguousarray(b).view(word)
    return a.dtype == b.dtype and bool((equal | (np.isnan(a) & np.isnan(b))).all())
