"""Noise: N(0, std²) by Box and Muller, from the counters that dropout has too."""

import math

import numpy as np
import pytest

from mlpcore.kernels.reference.normal_numbers import normal_numbers
from mlpcore.kernels.reference.operation import Call, RandomKey
from mlpcore.kernels.reference.operations import GaussianNoise
from mlpcore.kernels.reference.philox import random_words

PLACE = {"seed": 11, "step": 4, "layer": 1}


def test_four_columns_are_cosine_and_sine_of_two_pairs_of_words():
    w = [int(word) for word in random_words(np, 1, 4, **PLACE)[0]]
    expected = []
    for u, v in (w[:2], w[2:]):
        radius = math.sqrt(-2 * math.log((u + 0.5) / 2**32))
        expected += [radius * math.cos(2 * math.pi * v / 2**32)]
        expected += [radius * math.sin(2 * math.pi * v / 2**32)]
    np.testing.assert_allclose(normal_numbers(np, 1, 4, **PLACE)[0], expected, rtol=1e-14)


def test_moments_and_shares_are_those_of_the_normal_distribution():
    n = normal_numbers(np, 1000, 400, **PLACE)
    root = math.sqrt(n.size)
    # The deviations of the mean of x, x², x³ and x⁴: √1, √2, √15, √96 over the root of the count.
    for power, moment, deviation in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs(np.mean(n**power) - moment) < 5 * math.sqrt(deviation) / root
    for border in (-2.5, -1, 0, 0.5, 2):
        share = 0.5 * math.erfc(-border / math.sqrt(2))
        assert abs(np.mean(n < border) - share) < 5 * math.sqrt(share * (1 - share)) / root


def test_neighbours_are_not_correlated():
    n = normal_numbers(np, 600, 600, **PLACE)
    for a, b in ((n[:, 1:], n[:, :-1]), (n[1:], n[:-1])):
        assert abs(np.mean(a * b)) < 5 / math.sqrt(a.size)


@pytest.mark.parametrize("columns", [1, 3, 4, 7])
def test_a_row_has_the_same_noise_alone_and_in_its_batch(columns):
    whole = normal_numbers(np, 9, columns, **PLACE)
    np.testing.assert_array_equal(normal_numbers(np, 4, columns, **PLACE, first_row=5), whole[5:])
    assert whole.shape == (9, columns)


def test_training_adds_the_noise_in_the_dtype_of_x_and_prediction_none():
    x = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
    call = Call(np, training=True, random=RandomKey(11, 4, 1))
    expected = x + (0.5 * normal_numbers(np, 3, 4, **PLACE)).astype(np.float32)
    np.testing.assert_array_equal(GaussianNoise(0.5).forward(call, x), expected)
    assert GaussianNoise(0.5).forward(Call(np), x) is x
    assert GaussianNoise(0).forward(call, x) is x


@pytest.mark.parametrize(
    ("std", "error", "words"),
    [
        (-1, ValueError, "std of noise must not be negative, got -1"),
        (math.inf, ValueError, "must be finite, got inf"),
        (10**400, ValueError, "must be finite"),
        (None, TypeError, "must be a number, got None"),
    ],
)
def test_a_standard_deviation_is_a_number_from_0_up(std, error, words):
    with pytest.raises(error, match=words):
        GaussianNoise(std)
