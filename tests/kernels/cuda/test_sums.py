"""Sums whose order is fixed: of a whole vector, and of the rows of each column."""

import math

import cupy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpcore.kernels.cuda.column_sums import BLOCK, column_sums
from mlpcore.kernels.cuda.sums import CHUNK, sum_of


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [0, 1, 31, 257, CHUNK, CHUNK + 1, 3 * CHUNK + 17])
def test_a_sum_is_that_of_its_numbers(dtype, n):
    x = np.random.default_rng(n).normal(1, 2, n).astype(dtype)
    total = sum_of(cupy.asarray(x))
    assert total.shape == ()
    # 64 numbers in a chain, 32 lanes in pairs, 8 warps, then as many chunks.
    roundings = 64 + 5 + 8 + n / CHUNK
    error = abs(float(total) - math.fsum(x))
    assert error <= roundings * np.finfo(dtype).eps * np.abs(x).sum(dtype=np.float64)


def test_a_sum_has_the_same_bits_in_every_order_of_threads(double):
    x = np.random.default_rng(0).normal(size=2 * CHUNK + 5).astype(np.float32)
    totals = set()
    for order in ("forward", "reverse", "random"):
        with double.order(order):
            totals.add(float(sum_of(cupy.asarray(x))))
    assert len(totals) == 1


def canonical(x):
    """Return the sums of columns as the CPU adds them."""
    total = np.zeros(x.shape[1], x.dtype)
    for start in range(0, len(x), BLOCK):
        block = np.zeros(x.shape[1], x.dtype)
        for row in x[start : start + BLOCK]:
            block = block + row
        total = total + block
    return total


@given(rows=st.integers(0, 200), features=st.integers(1, 40))
@settings(max_examples=15)
def test_rows_are_added_in_the_canonical_order(rows, features):
    dz = np.random.default_rng(rows).normal(size=(rows, features)).astype(np.float32)
    np.testing.assert_array_equal(column_sums(cupy.asarray(dz)).get(), canonical(dz))


def test_the_same_in_double_precision_with_few_threads(double, monkeypatch):
    monkeypatch.setattr("mlpcore.kernels.cuda.compiler._BLOCKS_OF_MULTIPROCESSOR", 0.01)
    dz = np.random.default_rng(0).normal(size=(1000, 300))
    with double.exact_bounds():
        out = cupy.empty(300)
        assert column_sums(cupy.asarray(dz), out=out) is out
    np.testing.assert_array_equal(out.get(), canonical(dz))


def test_launches(double):
    for rows, launches in ((0, 1), (64, 1), (65, 2), (5000, 2)):
        dz = cupy.zeros((rows, 3), np.float32)
        double.reset_counters()
        column_sums(dz)
        assert sum(double.counters.launches.values()) == launches
