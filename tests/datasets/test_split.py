import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpcore.datasets import stratified_split

labels = st.lists(st.integers(0, 4), min_size=2, max_size=60)
fractions = st.floats(0.01, 0.99)


@given(labels, fractions, st.integers(0, 2**32))
@settings(deadline=None, max_examples=50)
def test_the_parts_are_every_row_once_and_each_class_has_its_share(t, fraction, seed):
    n, size = len(t), round(fraction * len(t))
    if not 0 < size < n:
        with pytest.raises(ValueError, match="both need at least one"):
            stratified_split(t, fraction, seed=seed)
        return
    train, test = stratified_split(t, fraction, seed=seed)
    assert len(test) == size
    assert sorted([*train, *test]) == list(range(n))
    for c in set(t):
        share = t.count(c) * size / n
        assert abs(sum(t[row] == c for row in test) - share) < 1


def test_the_largest_remainders_get_the_rows_that_are_missing():
    # shares of 3 rows: 1.8, 0.9, 0.3, so whole parts 1, 0, 0 and the two missing to the first two
    t = ["a"] * 6 + ["b"] * 3 + ["c"]
    _, test = stratified_split(t, 0.3)
    assert sorted(t[row] for row in test) == ["a", "a", "b"]


def test_one_seed_one_split_and_another_seed_another():
    t = np.arange(100) % 3
    first, again, other = (stratified_split(t, seed=seed)[1] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_rows_of_seed_0_are_the_same_on_every_machine_and_numpy():
    train, test = stratified_split([0, 1] * 5, 0.4, seed=0)
    assert (train.tolist(), test.tolist()) == ([7, 5, 1, 2, 6, 4], [0, 8, 9, 3])


def test_every_row_is_drawn_as_often_as_any_other():
    t = np.repeat([0, 1], [12, 28])
    rounds = 2000
    times = np.zeros(40)
    for seed in range(rounds):
        times[stratified_split(t, 0.25, seed=seed)[1]] += 1
    # binomial with p = 1/4: five standard deviations, seeds fixed, so this passes or fails for good
    assert np.all(abs(times / rounds - 0.25) < 5 * np.sqrt(0.25 * 0.75 / rounds))


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 1.5, float("nan")])
def test_a_fraction_outside_0_to_1_is_refused(fraction):
    with pytest.raises(ValueError, match="between 0 and 1"):
        stratified_split([0, 1, 0, 1], fraction)


def test_labels_must_be_a_row_of_numbers():
    with pytest.raises(ValueError, match=r"shape \(n,\).*\(2, 2\)"):
        stratified_split([[0, 1], [1, 0]])
