"""Softmax and its relatives on the device against the reference in float64."""

import cupy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpcore.kernels.cuda.groups import group_size
from mlpcore.kernels.cuda.rows import logsumexp, rows_backward, rows_forward
from mlpcore.kernels.reference import softmax as reference

INF, NAN = np.inf, np.nan
F32, F64 = np.dtype(np.float32), np.dtype(np.float64)
LENGTHS = st.sampled_from([10, 100, 1030])  # by a part of a warp, a warp, a block: each compiles


def test_who_shares_a_row():
    assert [group_size(n) for n in (0, 1, 4, 5, 8, 9, 33, 128, 129, 1024)] == [
        1, 1, 1, 2, 2, 4, 16, 32, 32, 32
    ]  # fmt: skip
    assert group_size(1025) == 256


def bound(z):
    """Return a bound on the relative error of a sum of exponentials, and of what is made of it.

    Chains of at most a 32nd of the row, and rescaling where the maximum rises; the exponent z - m
    is rounded, by half a unit of it.
    """
    distance = np.nanmax(np.where(np.isfinite(z), np.abs(z), 0), initial=1)
    return (z.shape[-1] / 16 + 24 + 2 * distance) * np.finfo(z.dtype).eps


@given(length=LENGTHS, rows=st.integers(0, 9), scale=st.sampled_from([1.0, 40.0]))
@settings(max_examples=10)
def test_rows_of_any_length(length, rows, scale):
    rng = np.random.default_rng(length)
    z = rng.normal(0, scale, (rows, length)).astype(F32)
    z[: rows // 3].sort(axis=-1)  # ascending, the maximum rises at every number
    da = rng.normal(size=z.shape).astype(F32)
    wide, rtol = z.astype(F64), bound(z)
    tiny = float(np.finfo(F32).tiny)
    exact = reference.softmax(np, wide)
    a = rows_forward("softmax", cupy.asarray(z))
    np.testing.assert_allclose(a.get(), exact, rtol=rtol, atol=tiny)
    y = logsumexp(cupy.asarray(z)).get()
    np.testing.assert_allclose(y, reference.logsumexp(np, wide), rtol=rtol, atol=rtol)
    log_a = rows_forward("log_softmax", cupy.asarray(z))
    exact_log = reference.log_softmax(np, wide)
    np.testing.assert_allclose(log_a.get(), exact_log, rtol=rtol, atol=rtol)
    # Backward starts from the rounded results.
    for name, given_a in (("softmax", a), ("log_softmax", log_a)):
        backward = getattr(reference, f"{name}_backward")
        exact = backward(np, given_a.get().astype(F64), da.astype(F64))
        dz = rows_backward(name, given_a, cupy.asarray(da)).get()
        size = np.abs(da).sum(axis=-1, keepdims=True) + 1
        assert (np.abs(dz - exact) <= rtol * size).all()


def test_double_precision_and_more_axes():
    z = np.random.default_rng(0).normal(0, 5, (2, 3, 10))
    for name in ("softmax", "log_softmax"):
        exact = getattr(reference, name)(np, z)
        a = rows_forward(name, cupy.asarray(z))
        np.testing.assert_allclose(a.get(), exact, rtol=1e-13)
        exact = getattr(reference, f"{name}_backward")(np, exact, z)
        np.testing.assert_allclose(
            rows_backward(name, a, cupy.asarray(z)).get(), exact, rtol=1e-12, atol=1e-13
        )
    y = logsumexp(cupy.asarray(z))
    assert y.shape == (2, 3)
    np.testing.assert_allclose(y.get(), reference.logsumexp(np, z), rtol=1e-13)


def test_rows_of_no_numbers():
    z = cupy.zeros((3, 0), F32)
    assert rows_forward("softmax", z).shape == (3, 0)
    np.testing.assert_array_equal(logsumexp(z).get(), [-INF] * 3)


@pytest.mark.parametrize("length", [4, 1030])
def test_infinite_and_extreme_rows(length):
    rows = [[INF, 1], [-INF, 1], [-INF, -INF], [NAN, 1], [INF, -INF], [3e38, -3e38], [1e38, 3e38]]
    z = np.full((len(rows), length), -2.0, F32)
    z[2] = -INF
    z[:, [0, -1]] = rows
    with np.errstate(all="ignore"):
        for name in ("softmax", "log_softmax"):
            exact = getattr(reference, name)(np, z.astype(F64)).astype(F32)
            a = rows_forward(name, cupy.asarray(z)).get()
            np.testing.assert_allclose(a, exact, rtol=bound(z[:2]))
        exact = reference.logsumexp(np, z.astype(F64))
        np.testing.assert_allclose(logsumexp(cupy.asarray(z)).get(), exact, rtol=bound(z[:2]))


def test_the_bits_of_a_row_depend_on_nothing_else(double, monkeypatch):
    z = np.random.default_rng(0).normal(0, 5, (70, 33)).astype(F32)
    expected = rows_forward("softmax", cupy.asarray(z)).get()
    alone = rows_forward("softmax", cupy.asarray(z[17:18])).get()
    np.testing.assert_array_equal(alone, expected[17:18])
    monkeypatch.setattr("mlpcore.kernels.cuda.compiler._BLOCKS_OF_MULTIPROCESSOR", 0.01)
    for order in ("forward", "reverse", "random"):
        with double.exact_bounds(), double.order(order):
            there = cupy.asarray(z)
            rows_forward("softmax", there, out=there)
            np.testing.assert_array_equal(there.get(), expected)
