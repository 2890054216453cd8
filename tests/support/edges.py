"""Arrays that end, or begin, where memory may not be touched: whoever goes beyond it crashes."""

import ctypes
import mmap
import os

import numpy as np

libc = ctypes.CDLL(None) if os.name == "posix" else None
CAN_PROTECT = libc is not None and hasattr(libc, "mprotect")

_PAGE = mmap.PAGESIZE


def _forbid(address, num_bytes):
    nothing_at_all = 0
    code = libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(num_bytes), nothing_at_all)
    assert code == 0


def at_the_edge(values, *, front=False, alignment=1):
    """Return a copy of `values` between forbidden pages.

    It ends where the one behind it begins, or, with `front`, begins where the one before it ends.
    With `alignment` it begins at a multiple of so many bytes, as near to the end as that allows.
    """
    values = np.asarray(values)
    room = max(1, -(-values.nbytes // _PAGE)) * _PAGE
    memory = mmap.mmap(-1, room + 2 * _PAGE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    offset = _PAGE if front else _PAGE + (room - values.nbytes) // alignment * alignment
    placed = np.frombuffer(memory, values.dtype, values.size, offset).reshape(values.shape)
    placed[...] = values
    _forbid(start, _PAGE)
    _forbid(start + _PAGE + room, _PAGE)
    return placed
