"""Philox4x32-10 against the published vectors, and what dropout makes of it."""

import array_api_strict
import numpy as np
import pytest

from mlpcore.kernels.reference.philox import dropout, philox4x32, random_words, threshold

# kat_vectors of Random123, "philox4x32 10" (https://github.com/DEShawResearch/random123)
PUBLISHED = [
    ("00000000 " * 4, "00000000 " * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff " * 4, "ffffffff " * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    (
        "243f6a88 85a308d3 13198a2e 03707344",
        "a4093822 299f31d0",
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]
WHERE = {"seed": 2**40 + 3, "step": 7, "layer": 2}


def words(text):
    return tuple(int(word, 16) for word in text.split())


@pytest.mark.parametrize("xp", [np, array_api_strict], ids=["numpy", "strict"])
@pytest.mark.parametrize(("counter", "key", "expected"), PUBLISHED)
def test_the_published_vectors(xp, counter, key, expected):
    counter = tuple(xp.asarray([word], dtype=xp.uint64) for word in words(counter))
    result = philox4x32(xp, counter, words(key))
    assert tuple(int(word[0]) for word in result) == words(expected)


def test_a_part_of_a_batch_draws_what_the_whole_draws_there():
    whole = random_words(np, 20, 11, **WHERE)
    np.testing.assert_array_equal(random_words(np, 6, 11, **WHERE, first_row=9), whole[9:15])
    np.testing.assert_array_equal(random_words(np, 20, 5, **WHERE), whole[:, :5])


def test_each_number_of_the_place_changes_the_draw():
    base = random_words(np, 4, 8, **WHERE)
    assert np.unique(base).size == base.size
    for name in WHERE:
        assert not (random_words(np, 4, 8, **WHERE | {name: WHERE[name] + 1}) == base).any()
    assert not (random_words(np, 4, 8, **WHERE | {"seed": 3}) == base).any()  # the upper word


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_dropout_drops_its_share_and_keeps_the_mean(rate):
    n = 400 * 300
    y = dropout(np, np.ones((400, 300)), rate, **WHERE)
    scale = 1 / (1 - rate)
    assert set(np.unique(y)) <= {0.0, scale}
    # Five standard deviations of a mean of n independent draws.
    assert abs((y == 0).mean() - rate) <= 5 * np.sqrt(rate * (1 - rate) / n)


def test_what_is_dropped_is_zero_whatever_it_was():
    x = np.full((50, 8), np.nan, np.float32)
    y = dropout(np, x, 0.5, **WHERE)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y == 0, random_words(np, 50, 8, **WHERE) < threshold(0.5))
    assert np.isnan(y[y != 0]).all()
