"""The statistics agree with exact arithmetic over all finite floats and set the others apart."""

import statistics as exact

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpcore.inspect.statistics import Statistics, statistics

EPS = float(np.finfo(np.float64).eps)
TINY = 5e-324
finite = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(finite, min_size=1, max_size=40))
def test_mean_and_deviation_are_right_over_all_finite_floats(values):
    found = statistics(np.array(values))
    n, largest = len(values), max(map(abs, values))
    # A sum of n terms errs by less than n eps max|x|.  The squares are taken about the computed
    # mean, which adds its error once more, and each rounds a few times; at the lower end of the
    # range the results round to whole subnormal steps.
    bound = (2 * n + 4) * EPS * largest + TINY
    assert abs(found.mean - exact.mean(values)) <= bound
    assert abs(found.std - exact.pstdev(values)) <= bound


@given(st.lists(finite, min_size=1, max_size=40))
def test_the_mean_lies_in_the_range(values):
    found = statistics(np.array(values))
    assert (found.min, found.max) == (min(values), max(values))
    assert found.min <= found.mean <= found.max


def test_equal_elements_have_no_deviation():
    found = statistics(np.full(1000, 0.1))
    assert found.mean == 0.1
    assert found.std == 0.0


def test_float32_is_summed_in_float64():
    x = np.full(10_000, 0.1, dtype=np.float32)
    x[0] = 1e6
    expected = (1e6 + 9_999 * float(np.float32(0.1))) / 10_000
    assert statistics(x).mean == pytest.approx(expected, rel=1e-12)


def test_nan_and_infinities_are_counted_and_left_out_of_the_rest():
    found = statistics(np.array([[1.0, np.nan, 3.0], [np.inf, -np.inf, 0.0]]))
    assert (found.nan, found.inf) == (1, 2)
    assert (found.min, found.max) == (0.0, 3.0)
    assert found.mean == pytest.approx(4 / 3)
    assert found.std == pytest.approx(np.std([1.0, 3.0, 0.0]))
    assert found.sparsity == 1 / 6


def test_zeros_of_both_signs_are_zeros_and_tiny_numbers_are_not():
    assert statistics(np.array([0.0, -0.0, TINY, -TINY])).sparsity == 0.5


def test_of_no_elements_nothing_is_known():
    assert statistics(np.empty((0, 3))) == Statistics(None, None, None, None, None, 0, 0)


def test_without_a_finite_element_there_is_no_range():
    found = statistics(np.array([np.nan, np.inf]))
    assert found == Statistics(None, None, None, None, 0.0, 1, 1)
