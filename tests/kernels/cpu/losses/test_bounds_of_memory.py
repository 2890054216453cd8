"""Nothing is read or written beyond the last row: memory that may not be touched begins there."""

import ctypes
import mmap
import os

import numpy as np
import pytest
from support.loss_kernels import write
from support.panels import call
from support.written_kernels import each_target, kernels, lanes_of

from mlpcore.kernels.cpu.losses import LOSSES

libc = ctypes.CDLL(None) if os.name == "posix" else None
pytestmark = pytest.mark.skipif(libc is None, reason="there is no mprotect")

FEATURES = 5


def at_the_edge(values):
    """Return a copy of an array that ends where readable memory ends."""
    values = np.ascontiguousarray(values)
    edge = -(-values.nbytes // mmap.PAGESIZE) * mmap.PAGESIZE
    memory = mmap.mmap(-1, edge + mmap.PAGESIZE)
    beyond = ctypes.addressof(ctypes.c_char.from_buffer(memory)) + edge
    none_at_all = 0
    assert libc.mprotect(ctypes.c_void_p(beyond), ctypes.c_size_t(mmap.PAGESIZE), none_at_all) == 0
    placed = np.frombuffer(memory, values.dtype, values.size, edge - values.nbytes)
    placed[:] = values.ravel()
    return placed.reshape(values.shape)


@each_target
@pytest.mark.parametrize("name", LOSSES)
def test_nothing_beyond_the_last_row_is_touched(name, isa, dtype):
    compiled, lanes = kernels(write, isa, dtype), lanes_of(isa, dtype)
    labels = name in ("cross_entropy", "cross_entropy_smooth", "nll")
    for vectors, missing in ((1, 1), (1, lanes - 1), (2, lanes + 1)):
        width = vectors * lanes
        rows = width - missing
        z = at_the_edge(np.ones((FEATURES, width), dtype))
        dz, losses = (at_the_edge(np.full(shape, 7, dtype)) for shape in (z.shape, rows))
        t = np.ones(rows, np.int64) if labels else np.full((rows, FEATURES), 0.2, dtype)
        targets, weights = at_the_edge(t), at_the_edge(np.ones(rows, dtype))
        settings = at_the_edge(np.ones(2 + FEATURES, dtype))
        sizes = (FEATURES, width, rows)
        call(compiled, name, z, dz, targets, FEATURES, weights, losses, *sizes, settings)
        assert np.isfinite(losses).all()
        assert (losses != 7).all()
        assert (dz[:, rows:] == 0).all()
