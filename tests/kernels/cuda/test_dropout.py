"""Dropout on the device draws what the reference draws, to the bit."""

import cupy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpcore.kernels.cuda.dropout import dropout
from mlpcore.kernels.cuda.philox import philox
from mlpcore.kernels.reference import philox as reference

WORDS = st.integers(0, 2**32 - 1)


@given(st.tuples(WORDS, WORDS, WORDS, WORDS), st.tuples(WORDS, WORDS))
def test_the_formula_is_the_references(counter, key):
    words = reference.philox4x32(np, tuple(map(np.uint64, counter)), key)
    assert philox(*counter, *key) == tuple(map(int, words))


@given(
    rows=st.integers(0, 9),
    columns=st.integers(1, 13),
    rate=st.sampled_from([0.0, 0.1, 0.5, 0.999]),
    seed=st.sampled_from([0, 7, 2**63 + 12345, 2**64 - 1]),
    step=st.sampled_from([0, 1, 2**32 - 1]),
    first_row=st.sampled_from([0, 64, 2**32 - 9]),
)
@settings(max_examples=20)
def test_the_bits_are_those_of_the_reference(rows, columns, rate, seed, step, first_row):
    x = np.random.default_rng(0).normal(size=(rows, columns)).astype(np.float32)
    where = {"seed": seed, "step": step, "layer": 3, "first_row": first_row}
    expected = reference.dropout(np, x, rate, **where)
    np.testing.assert_array_equal(dropout(cupy.asarray(x), rate, **where).get(), expected)


def test_in_double_precision_in_place_and_with_few_threads(double, monkeypatch):
    monkeypatch.setattr("mlpcore.kernels.cuda.compiler._BLOCKS_OF_MULTIPROCESSOR", 0.01)
    x = np.random.default_rng(0).normal(size=(100, 24))
    x[0, 0], x[1] = np.nan, np.inf
    where = {"seed": 5, "step": 2, "layer": 1}
    expected = reference.dropout(np, x, 0.5, **where)
    with double.exact_bounds(), double.order("reverse"):
        there = cupy.asarray(x)
        assert dropout(there, 0.5, **where, out=there) is there
        np.testing.assert_array_equal(there.get(), expected)


@pytest.mark.parametrize(
    ("name", "bad"),
    [("rate", 1.0), ("seed", -1), ("step", 2**32), ("layer", -1), ("first_row", 2**32 - 1)],
)
def test_numbers_out_of_range_are_refused(name, bad):
    given = {"rate": 0.5, "seed": 0, "step": 0, "layer": 0, "first_row": 0} | {name: bad}
    with pytest.raises(ValueError, match=f"{name} must be in"):
        dropout(cupy.zeros((2, 3), np.float32), **given)
