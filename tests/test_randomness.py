"""Each use and number has a stream of its own, and the whole of the seed tells streams apart."""

from itertools import product

import pytest

from mlpcore.randomness import Stream, generator

SEEDS = [0, 1, 5, 5 + 2**32, 5 + 2**64, 2**63 - 1]


def first(seed, stream, number):
    """Return 256 bits of a stream: two that are independent will never agree in them."""
    return generator(seed, stream, number).bytes(32)


def test_a_stream_is_the_same_again_whatever_was_drawn_from_others():
    before = first(5, Stream.ORDER, 3)
    first(5, Stream.ORDER, 2)
    assert first(5, Stream.ORDER, 3) == before


def test_streams_differ_by_seed_purpose_and_number():
    places = list(product(SEEDS, Stream, [0, 1, 2, 2**32]))
    assert len({first(*place) for place in places}) == len(places)


def test_seeds_that_agree_in_their_low_words_differ():
    assert first(5, Stream.WEIGHTS, 0) != first(5 + 2**32, Stream.WEIGHTS, 0)


@pytest.mark.parametrize(
    ("stream", "expected"),
    [(Stream.WEIGHTS, 0xCF6C1E6A4FFD2AEF), (Stream.ORDER, 0xE0142D5981F313BE)],
)
def test_a_seed_means_the_same_from_release_to_release(stream, expected):
    assert generator(0, stream, 0).bit_generator.random_raw() == expected
