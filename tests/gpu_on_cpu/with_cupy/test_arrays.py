"""Making, indexing, assigning and moving arrays."""

import cupy
import numpy as np
import pytest

X = np.arange(35.0).reshape(7, 5)


def same(got: cupy.ndarray, expected: np.ndarray) -> None:
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(cupy.asnumpy(got), expected)


def test_making_arrays():
    for dtype in (np.float32, np.float64, np.int32):
        same(cupy.zeros((2, 3), dtype), np.zeros((2, 3), dtype))
        same(cupy.full((2, 3), 7, dtype), np.full((2, 3), 7, dtype))
        same(cupy.arange(3, 20, 4, dtype=dtype), np.arange(3, 20, 4, dtype=dtype))
        same(cupy.eye(3, dtype=dtype), np.eye(3, dtype=dtype))
    assert cupy.empty((0, 3)).size == 0
    same(cupy.linspace(0, 1, 5), np.linspace(0, 1, 5))


def test_shapes():
    x = cupy.asarray(X)
    same(x.T, X.T)
    same(x.T.reshape(-1), X.T.reshape(-1))
    same(x.transpose().copy().ravel(), X.T.ravel())
    same(cupy.concatenate([x, x[:2]], axis=0), np.concatenate([X, X[:2]], axis=0))
    same(cupy.concatenate([x, x], axis=1), np.concatenate([X, X], axis=1))
    same(cupy.stack([x, 2 * x]), np.stack([X, 2 * X]))
    same(x[:, None, 1:3].squeeze(), X[:, 1:3])
    same(cupy.broadcast_to(x[0], (3, 5)), np.broadcast_to(X[0], (3, 5)))


def test_reading_by_index():
    x = cupy.asarray(X)
    rows, columns = np.array([0, 3, -1]), np.array([1, 4, 2])
    device_rows, device_columns = cupy.asarray(rows), cupy.asarray(columns)
    same(x[device_rows], X[rows])
    same(x[device_rows, device_columns], X[rows, columns])
    same(x[X[:, 0] > 10], X[X[:, 0] > 10])
    same(x[cupy.asarray(X) % 2 == 0], X[X % 2 == 0])
    same(cupy.take(x, device_columns, axis=1), np.take(X, columns, axis=1))
    index = X.argmax(axis=1, keepdims=True)
    same(
        cupy.take_along_axis(x, cupy.asarray(index), axis=1),
        np.take_along_axis(X, index, axis=1),
    )
    assert [i.tolist() for i in cupy.nonzero(x > 30)] == [i.tolist() for i in np.nonzero(X > 30)]


def test_assigning_by_index():
    x, expected = cupy.asarray(X), X.copy()
    rows, columns = np.arange(7), np.arange(7) % 5
    x[cupy.asarray(rows), cupy.asarray(columns)] = -1
    expected[rows, columns] = -1
    x[1:3, ::2] = 100
    expected[1:3, ::2] = 100
    x[x > 30] -= 0.5
    expected[expected > 30] -= 0.5
    x[:, 1] = cupy.arange(7)
    expected[:, 1] = np.arange(7)
    x[...] = x * 2
    expected *= 2
    same(x, expected)


def test_putting_along_an_axis():
    x, expected = cupy.asarray(X), X.copy()
    index = X.argmin(axis=1, keepdims=True)
    cupy.put_along_axis(x, cupy.asarray(index), 9, axis=1)
    np.put_along_axis(expected, index, 9, axis=1)
    same(x, expected)


def test_one_hot_rows():
    labels = np.array([2, 0, 4, 1])
    got = (cupy.asarray(labels)[:, None] == cupy.arange(5)).astype(np.float32)
    same(got, np.eye(5, dtype=np.float32)[labels])


def test_scattered_additions_meet():
    x, index = cupy.zeros(3), np.array([0, 2, 2, 2, 0])
    cupy.add.at(x, cupy.asarray(index), 1)
    same(x, np.array([2.0, 0, 3]))


def test_there_and_back():
    for x in (X, X.T, X[::2, ::-1], X[:0], np.float32(3), np.arange(5, dtype=np.int8)):
        same(cupy.asarray(x), np.asarray(x))
        np.testing.assert_array_equal(cupy.array(x).get(), x)


def test_dlpack():
    x = cupy.asarray(X)
    shared = cupy.from_dlpack(x)
    shared[0, 0] = 99
    assert float(x[0, 0]) == 99
    assert x.__dlpack_device__() == (2, 0)
    np.testing.assert_array_equal(np.from_dlpack(x, device="cpu"), x.get())
    with pytest.raises((BufferError, RuntimeError)):
        np.from_dlpack(x)


def test_a_view_of_memory_that_somebody_else_owns():
    owner = cupy.arange(10, dtype=np.float32)
    memory = cupy.cuda.UnownedMemory(owner.data.ptr + 8, 16, owner)
    view = cupy.ndarray((4,), np.float32, cupy.cuda.MemoryPointer(memory, 0))
    same(view, np.arange(2, 6, dtype=np.float32))
    view[:] = 7
    assert float(owner.sum()) == 0 + 1 + 4 * 7 + 6 + 7 + 8 + 9


def test_what_cannot_run_on_a_cpu_says_so():
    x = cupy.ones(3)
    for attempt in (
        lambda: cupy.random.default_rng(0),
        lambda: cupy.random.rand(3),
        lambda: cupy.random.XORWOW(1),
        lambda: cupy.random.Generator(None),
        lambda: cupy.sort(x),
        lambda: cupy.argsort(x),
        lambda: cupy.cuda.Stream(non_blocking=True).begin_capture(),
    ):
        with pytest.raises(NotImplementedError, match="gpu_on_cpu"):
            attempt()
