"""A number that an argument may be comes back plain; any other is refused by its name."""

from fractions import Fraction

import numpy as np
import pytest

from mlpcore.checks import not_negative, positive, real_number, whole_number

FLOATS = [real_number, positive, not_negative]


@pytest.mark.parametrize("value", [3, np.int8(3), np.uint64(3), np.array(3)])
def test_a_whole_number_of_any_kind_comes_back_as_an_int(value):
    found = whole_number(value, "count", 3)
    assert found == 3
    assert type(found) is int


@pytest.mark.parametrize("value", [3.0, "3", None, True, np.True_, np.float32(3), [3], 3j])
def test_what_is_no_whole_number_is_refused_by_name(value):
    with pytest.raises(TypeError, match="count must be a whole number, got"):
        whole_number(value, "count", 0)


@pytest.mark.parametrize("least", [-2, 0, 1, 7])
def test_a_whole_number_is_at_least_the_least(least):
    assert whole_number(least, "count", least) == least
    with pytest.raises(ValueError, match=f"count must be at least {least}, got {least - 1}"):
        whole_number(least - 1, "count", least)


def test_whole_numbers_have_no_upper_bound():
    assert whole_number(10**30, "seed", 0) == 10**30


@pytest.mark.parametrize("check", FLOATS)
@pytest.mark.parametrize("value", [0.5, np.float32(0.5), np.float64(0.5), Fraction(1, 2)])
def test_a_real_number_of_any_kind_comes_back_as_a_float(check, value):
    found = check(value, "rate")
    assert found == 0.5
    assert type(found) is float


@pytest.mark.parametrize("check", FLOATS)
@pytest.mark.parametrize("value", ["1", b"1", "fast", None, True, 1j, [1.0]])
def test_what_is_no_number_is_refused_by_name(check, value):
    with pytest.raises(TypeError, match="rate must be a number, got"):
        check(value, "rate")


@pytest.mark.parametrize("check", FLOATS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), np.float32("nan")])
def test_a_number_is_finite(check, value):
    with pytest.raises(ValueError, match="rate must be finite, got"):
        check(value, "rate")


@pytest.mark.parametrize("zero", [0, 0.0, -0.0])
def test_zero_is_neither_positive_nor_negative(zero):
    assert real_number(zero, "rate") == not_negative(zero, "rate") == 0
    with pytest.raises(ValueError, match="rate must be positive, got"):
        positive(zero, "rate")


def test_a_number_below_zero_is_real_and_no_more():
    assert real_number(-0.5, "rate") == -0.5
    with pytest.raises(ValueError, match=r"rate must be positive, got -0\.5"):
        positive(-0.5, "rate")
    with pytest.raises(ValueError, match=r"rate must not be negative, got -0\.5"):
        not_negative(-0.5, "rate")
