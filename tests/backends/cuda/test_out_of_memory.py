"""A prediction that does not fit on the device is made in smaller parts."""

import warnings

import cupy
import numpy as np
import pytest

from mlpcore.backends.cuda import staging
from mlpcore.model import MLP

WIDTH = 4096
ROW = 4 * WIDTH  # bytes of a row of the widest layer


@pytest.fixture
def pool():
    """A memory pool of the test's own, with nothing left in it by others."""
    pool, before = cupy.cuda.MemoryPool(), cupy.cuda.get_allocator()
    cupy.cuda.set_allocator(pool.malloc)
    yield pool
    cupy.cuda.set_allocator(before)


@pytest.fixture
def limited(pool):
    """Return a function that lets the pool have so many bytes more than now; 0 lifts the limit."""

    def limited(more):
        pool.free_all_blocks()
        pool.set_limit(size=pool.total_bytes() + more if more else 0)

    return limited


@pytest.fixture
def model(pool):
    """A network whose hidden layer needs far more memory than its ends."""
    return MLP([2, WIDTH, 2], "tanh", output="softmax", device="cuda", seed=0)


def rows(count):
    return np.random.default_rng(0).normal(size=(count, 2)).astype(np.float32)


def test_an_array_on_the_device_is_taken_in_halves_with_one_warning(model, limited):
    x = cupy.asarray(rows(64))
    limited(2 * 10 * ROW)  # z and a of ten rows
    with pytest.warns(RuntimeWarning, match="cuda:0 ran out of memory") as seen:
        y = model(x)
    assert len(seen) == 1
    limited(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(y.get(), model(x).get(), rtol=1e-5)


def test_and_so_is_an_array_on_the_host(model, limited, monkeypatch):
    monkeypatch.setattr(staging, "STAGED_BYTES", 30 * 8)  # 30 rows
    x = rows(64)
    limited(2 * 10 * ROW)
    with pytest.warns(RuntimeWarning, match="cuda:0 ran out of memory") as seen:
        y = model(x)
    assert len(seen) == 1
    limited(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(y, model(x), rtol=1e-5)


def test_a_row_that_does_not_fit_is_an_error_that_says_so(model, limited, monkeypatch):
    x = cupy.asarray(rows(4))
    limited(ROW // 2)
    with pytest.warns(RuntimeWarning), pytest.raises(MemoryError, match="not even one row"):
        model(x)
    with pytest.warns(RuntimeWarning), pytest.raises(MemoryError, match="not even one row"):
        model(x.get())
    limited(0)
    monkeypatch.setattr(staging, "STAGED_BYTES", 2 * 8)  # two rows
    staged = model.freeze()
    limited(ROW // 2)
    with pytest.warns(RuntimeWarning), pytest.raises(MemoryError, match="not even one row"):
        staged(x.get())
