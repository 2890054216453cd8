"""Vector functions at infinity, NaN, both zeros and where they overflow and underflow."""

import numpy as np
import pytest
from support.vector_functions import FUNCTIONS, evaluated
from support.written_kernels import each_target

INF, NAN = np.inf, np.nan
UNBOUNDED = [n for n, f in FUNCTIONS.items() if (f.low, f.high) == (-INF, INF)]

# f(-∞), f(∞)
LIMITS = {
    "exp": (0, INF),
    "expm1": (-1, INF),
    "log": (NAN, INF),
    "log1p": (NAN, INF),
    "tanh": (-1, 1),
    "sigmoid": (0, 1),
    "sigmoid_derivative": (0, 0),
    "normal_cdf": (0, 1),
    "normal_density": (0, 0),
    "sin": (NAN, NAN),
    "cos": (NAN, NAN),
}


@each_target
@pytest.mark.parametrize("name", UNBOUNDED)
def test_infinity_gives_the_limit(isa, dtype, name):
    x = np.array([-INF, INF], dtype)
    np.testing.assert_array_equal(evaluated(name, x, isa), LIMITS[name])


@each_target
@pytest.mark.parametrize("name", FUNCTIONS)
def test_nan_gives_nan(isa, dtype, name):
    x = np.array([NAN, -NAN], dtype)
    assert np.isnan(evaluated(name, x, isa)).all()


@each_target
@pytest.mark.parametrize("name", ["expm1", "log1p", "tanh", "sin"])
def test_zeros_and_the_smallest_numbers_are_kept_with_their_sign(isa, dtype, name):
    info = np.finfo(dtype)
    tiny = np.array([0.0, info.smallest_subnormal, 3 * info.smallest_subnormal, info.tiny], dtype)
    for x in (tiny, -tiny):
        y = evaluated(name, x, isa)
        np.testing.assert_array_equal(y, x)
        np.testing.assert_array_equal(np.signbit(y), np.signbit(x))


@each_target
def test_values_that_are_exact(isa, dtype):
    zeros = np.array([0.0, -0.0], dtype)
    for name, value in (
        ("exp", 1),
        ("exp_of_negative", 1),
        ("exp2", 1),
        ("sigmoid", 0.5),
        ("sigmoid_derivative", 0.25),
        ("normal_cdf", 0.5),
        ("log", -INF),
        ("cos", 1),
    ):
        np.testing.assert_array_equal(evaluated(name, zeros, isa), value)
    np.testing.assert_array_equal(evaluated("log", np.array([1, -1], dtype), isa), [0, NAN])
    np.testing.assert_array_equal(evaluated("log1p", np.array([-1, -2], dtype), isa), [-INF, NAN])


@each_target
def test_an_exponential_underflows_gradually_and_overflows_at_the_end(isa, dtype):
    info = np.finfo(dtype)
    least, most = float(info.smallest_subnormal), np.longdouble(info.max)
    wide = np.longdouble if np.finfo(np.longdouble).nmant > 52 else np.float64
    smallest = np.log(wide(info.smallest_subnormal)) if dtype == np.float32 else -744.4400719213812
    y = evaluated("exp", np.array([smallest, smallest - 0.6, smallest - 0.8], dtype), isa)
    np.testing.assert_array_equal(y, [least, least, 0])
    largest = dtype(np.log(most)) if wide is np.longdouble else dtype(np.log(info.max))
    edge = np.array([np.nextafter(largest, dtype(0)), np.nextafter(largest, dtype(INF))])
    y = evaluated("exp", edge, isa)
    assert np.isfinite(y[0])
    assert np.isinf(evaluated("exp", edge[1:] + dtype(0.001), isa)[0])


@each_target
@pytest.mark.parametrize("name", ["tanh", "sigmoid", "normal_cdf"])
def test_a_bounded_function_stays_within_its_bounds(isa, dtype, name):
    x = np.concatenate([np.linspace(-40, 40, 20_001), [1e4, -1e4]]).astype(dtype)
    y = evaluated(name, x, isa)
    assert np.abs(y).max() <= 1
    if name != "tanh":
        assert y.min() >= 0
