"""Memory in which a call computes: one block a thread, as large as its largest call needed."""

import threading

import numpy as np

from mlpcore.backends.layout import ALIGNMENT

_own = threading.local()

KEPT_BYTES = 1 << 26
"""A larger block is given back when the call that needed it is over."""


def scratch(num_bytes: int) -> tuple[int, object]:
    """Return the address of `num_bytes` bytes, and what must be kept while they are in use.

    They begin at a cache line, hold anything, and belong to the calling thread until its next call.
    """
    address, size, block = getattr(_own, "block", (0, 0, None))
    if num_bytes > size:
        block = np.empty(num_bytes + ALIGNMENT, np.uint8)
        address = -(-block.ctypes.data // ALIGNMENT) * ALIGNMENT
        if num_bytes <= KEPT_BYTES:
            _own.block = address, num_bytes, block
    return address, block


def own_scratch() -> int:
    """Return the address of the block that the calling thread keeps, or 0."""
    found: tuple[int, int, object] = getattr(_own, "block", (0, 0, None))
    return found[0]
