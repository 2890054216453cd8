"""Dropout: what it drops, how often, and that nothing but its counter decides it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpcore.kernels.reference.operation import Call, RandomKey
from mlpcore.kernels.reference.operations import Dropout
from mlpcore.kernels.reference.philox import random_words, threshold


def dropped(x, rate, key=RandomKey(1, 2, 3), training=True):  # noqa: B008 - it is frozen
    return Dropout(rate).forward(Call(np, training=training, random=key), x)


def test_elements_are_dropped_where_their_random_word_is_small():
    x = np.arange(1.0, 61.0).reshape(6, 10)
    words = random_words(np, 6, 10, seed=1, step=2, layer=3)
    expected = np.where(words < threshold(0.25), 0.0, x / 0.75)
    np.testing.assert_allclose(dropped(x, 0.25), expected, rtol=1e-15)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_share_of_what_is_dropped_is_the_rate_and_the_mean_stays(rate):
    count = 400 * 1000
    y = dropped(np.ones((400, 1000)), rate)
    deviation = np.sqrt(rate * (1 - rate) / count)
    assert abs(np.mean(y == 0) - rate) < 5 * deviation
    assert abs(y.mean() - 1) < 5 * deviation / (1 - rate)


def test_rows_columns_steps_and_layers_drop_independently():
    keys = [RandomKey(1, 2, 3), RandomKey(1, 3, 3), RandomKey(1, 2, 4), RandomKey(2, 2, 3)]
    masks = [dropped(np.ones((300, 400)), 0.5, key) - 1 for key in keys]
    # Products of independent signs have mean 0 and deviation 1 / √count.
    for a in range(4):
        for b in range(a):
            assert abs(np.mean(masks[a] * masks[b])) < 5 / np.sqrt(300 * 400)
    first = masks[0]
    assert abs(np.mean(first[:, 1:] * first[:, :-1])) < 5 / np.sqrt(300 * 399)
    assert abs(np.mean(first[1:] * first[:-1])) < 5 / np.sqrt(299 * 400)


@given(st.integers(1, 20), st.integers(1, 20), st.data())
def test_a_row_drops_the_same_alone_and_in_its_batch(rows, columns, data):
    first = data.draw(st.integers(0, rows - 1))
    x = np.random.default_rng(0).normal(size=(rows, columns))
    whole = dropped(x, 0.5)
    part = dropped(x[first:], 0.5, RandomKey(1, 2, 3, row=first))
    np.testing.assert_array_equal(part, whole[first:])


def test_seeds_and_steps_beyond_their_words_wrap():
    x = np.ones((9, 9))
    large = RandomKey(2**64 + 1, 2**32 + 2, 3)
    np.testing.assert_array_equal(dropped(x, 0.5, large), dropped(x, 0.5))


def test_prediction_and_the_rate_zero_change_nothing():
    x = np.ones((3, 4))
    assert dropped(x, 0.5, key=None, training=False) is x
    assert dropped(x, 0, key=None) is x


def test_what_is_dropped_is_zero_whatever_it_was():
    for value in (np.nan, np.inf, -np.inf):
        y = dropped(np.full((20, 20), value), 0.5)
        assert (y == 0).any()
        assert not np.isfinite(y[y != 0]).any()


def test_drawing_needs_a_place_in_the_random_stream():
    with pytest.raises(RuntimeError, match="needs a RandomKey"):
        dropped(np.ones((2, 2)), 0.5, key=None)


@pytest.mark.parametrize(
    ("rate", "error", "words"),
    [
        (1, ValueError, r"rate of dropout must be in \[0, 1\), got 1"),
        (-0.1, ValueError, r"must be in \[0, 1\), got -0.1"),
        (float("nan"), ValueError, "must be finite, got nan"),
        ("0.5", TypeError, "must be a number, got '0.5'"),
        (True, TypeError, "must be a number, got True"),
    ],
)
def test_a_rate_is_a_number_from_0_up_to_1(rate, error, words):
    with pytest.raises(error, match=words):
        Dropout(rate)


def test_rates_are_kept_as_plain_floats():
    assert type(Dropout(np.float32(0.5)).rate) is float
    assert str(Dropout(0.25)) == "dropout(0.25)"
