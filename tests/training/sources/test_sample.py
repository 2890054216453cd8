"""A sample of a stream: as many rows as were asked for, and all of them equally likely."""

import numpy as np
import pytest

from mlpcore.training.sources.sample import Reservoir, drawn


def kept(rows, sizes, seed=0, most=10):
    x = np.arange(float(rows))[:, None]
    reservoir, start = Reservoir(most, seed, 0), 0
    for size in sizes:
        reservoir.add(np, x[start : start + size])
        start += size
    assert start == rows
    return reservoir.rows(np)[:, 0]


@pytest.mark.parametrize("sizes", [[10], [3, 7], [1] * 7])
def test_of_few_rows_all_are_kept_in_order(sizes):
    np.testing.assert_array_equal(kept(sum(sizes), sizes), np.arange(sum(sizes)))


@pytest.mark.parametrize("sizes", [[50], [4, 17, 29], [10, 40]])
def test_of_many_rows_each_has_the_same_chance(sizes):
    """Of 4000 draws a row is in 800 ± 25; five deviations are left to chance."""
    counts = np.zeros(50)
    for seed in range(4000):
        found = kept(50, sizes, seed).astype(int)
        assert len(np.unique(found)) == 10
        counts[found] += 1
    assert abs(counts - 800).max() < 5 * np.sqrt(4000 * 0.2 * 0.8)


def test_a_row_that_is_kept_is_a_copy():
    x = np.ones((4, 2))
    reservoir = Reservoir(4, 0, 0)
    reservoir.add(np, x)
    x[...] = 0
    assert reservoir.rows(np).all()


def test_numbers_are_drawn_without_repetition_and_ascending():
    assert drawn(10, 10, seed=0) == slice(0, 10)
    found = drawn(1000, 10, seed=0)
    assert (np.diff(found) > 0).all()
    assert len(found) == 10
    assert not np.array_equal(found, drawn(1000, 10, seed=1))
