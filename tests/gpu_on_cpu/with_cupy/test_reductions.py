"""Reductions over all axes, each axis, and several, agree with NumPy."""

import cupy
import numpy as np
import pytest

DTYPES = [np.float32, np.float64]
X = np.random.default_rng(1).standard_normal((7, 5, 70))


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 2)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_and_means(dtype, axis, keepdims):
    x = X.astype(dtype)
    for name in ("sum", "mean"):
        got = getattr(cupy, name)(cupy.asarray(x), axis=axis, keepdims=keepdims)
        expected = getattr(np, name)(x.astype(np.float64), axis=axis, keepdims=keepdims)
        assert got.dtype == dtype
        assert got.shape == expected.shape
        # Any order of summation stays below (number of terms) eps (sum of magnitudes).
        bound = x.size * np.finfo(dtype).eps * np.abs(x).sum()
        np.testing.assert_allclose(got.get(), expected, rtol=0, atol=bound)


@pytest.mark.parametrize("axis", [None, 0, -1, (1, 2)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_extremes(dtype, axis):
    x = X.astype(dtype)
    for name in ("max", "min"):
        got = getattr(cupy, name)(cupy.asarray(x), axis=axis, keepdims=True)
        np.testing.assert_array_equal(got.get(), getattr(np, name)(x, axis=axis, keepdims=True))


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("dtype", DTYPES)
def test_positions_of_extremes(dtype, axis):
    x = X.astype(dtype)
    for name in ("argmax", "argmin"):
        got = getattr(cupy, name)(cupy.asarray(x), axis=axis)
        np.testing.assert_array_equal(got.get(), getattr(np, name)(x, axis=axis))


def test_any_and_all():
    x = X > 1.5
    on_device = cupy.asarray(x)
    for axis in (None, 0, -1):
        np.testing.assert_array_equal(cupy.any(on_device, axis=axis).get(), np.any(x, axis=axis))
        np.testing.assert_array_equal(cupy.all(on_device, axis=axis).get(), np.all(x, axis=axis))


def test_a_nan_reaches_the_extremes():
    x = X[0].copy()
    x[2, 3] = np.nan
    on_device = cupy.asarray(x)
    np.testing.assert_array_equal(on_device.max(axis=1).get(), x.max(axis=1))
    assert np.isnan(on_device.min().get())


def test_empty_reductions():
    empty = cupy.zeros((0, 3), np.float32)
    np.testing.assert_array_equal(empty.sum(axis=0).get(), np.zeros(3, np.float32))
    with pytest.raises(ValueError, match="zero-size"):
        empty.max(axis=0)


def test_a_large_sum_uses_several_blocks(gpu_device):
    x = cupy.ones(50_000, np.float32)
    assert float(x.sum()) == 50_000
    assert gpu_device.counters.launches["cupy_sum"] >= 1


@pytest.mark.parametrize("order", ["reverse", "random"])
def test_a_reduction_does_not_depend_on_the_order_of_threads(gpu_device, order):
    x = cupy.asarray(X)
    forward = x.sum(axis=-1).get()
    with gpu_device.order(order, seed=5):
        np.testing.assert_array_equal(x.sum(axis=-1).get(), forward)


def test_norms_and_cumulative_sums():
    x = cupy.asarray(X[0])
    np.testing.assert_allclose(cupy.linalg.norm(x).get(), np.linalg.norm(X[0]), rtol=1e-14)
    np.testing.assert_allclose(cupy.cumsum(x).get(), np.cumsum(X[0]), rtol=0, atol=1e-12)
