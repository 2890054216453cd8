"""Each vector function is as accurate as it says, over the whole range, on each instruction set."""

import numpy as np
import pytest
from support.ulp import ulps
from support.vector_functions import FUNCTIONS, evaluated
from support.written_kernels import ISAS

WIDE = np.finfo(np.longdouble).nmant >= 63
needs_wide = pytest.mark.skipif(not WIDE, reason="long double is no wider than float64 here")
each_function = pytest.mark.parametrize("name", FUNCTIONS)
pytestmark = pytest.mark.skipif(not ISAS, reason="no instruction set with fused multiply-add")


# Where ci/exhaustive_math.py found the largest errors of all numbers of float32.
FOUND = (
    -126.496498, -11.7219381, -5.84864187, -4.1572938, -0.386264086, 0.38107875, 0.989468753,
    1.2743293, 4.50509071, 4.83994961, 5.53844357, 10687.9492, 24819.9004,
)  # fmt: skip


def float32_samples(step):
    """Return every `step`-th number of float32, of each sign and size, and many of usual size."""
    patterns = np.arange(0, 2**32, step, dtype=np.uint64).astype(np.uint32).view(np.float32)
    usual = np.linspace(-20, 20, 200_001, dtype=np.float32)
    found = np.array(FOUND, np.float32)
    return np.concatenate([patterns[~np.isnan(patterns)], usual, found])


def float64_samples(count):
    """Return numbers of each sign and size, and many of usual size."""
    rng = np.random.default_rng(0)
    patterns = rng.integers(0, 2**64, count, dtype=np.uint64).view(np.float64)
    usual = [rng.uniform(-b, b, count) for b in (1e-3, 1.0, 10.0, 40.0, 750.0)]
    return np.concatenate([patterns[~np.isnan(patterns)], *usual])


def worst(name, x):
    """Return the largest error of the function on `x` and where it is."""
    function = FUNCTIONS[name]
    x = function.within(x)
    wide = np.float64 if x.dtype == np.float32 else np.longdouble
    with np.errstate(all="ignore"):
        errors = ulps(evaluated(name, x, ISAS[0]), function.exact(x.astype(wide)))
    at = int(np.argmax(errors))
    return errors[at], x[at]


@each_function
def test_float32_is_as_accurate_as_stated(name):
    error, x = worst(name, float32_samples(5003))
    assert error <= FUNCTIONS[name].bound(np.float32), f"at {x!r}"


@needs_wide
@each_function
def test_float64_is_as_accurate_as_stated(name):
    x = float64_samples(20_000)
    if name in ("sin", "cos"):
        x = x[np.abs(x) < 1e15]  # beyond, it is the C library that answers
    error, x = worst(name, x)
    assert error <= FUNCTIONS[name].bound(np.float64), f"at {x!r}"


@each_function
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_instruction_set_gives_the_same_bits(name, dtype):
    x = float32_samples(100_003) if dtype == np.float32 else float64_samples(3_000)
    x = FUNCTIONS[name].within(x)
    first = evaluated(name, x, ISAS[0])
    for isa in ISAS[1:]:
        other = evaluated(name, x, isa)
        # Of a NaN only that it is one: which of two operands' signs it has is not defined.
        np.testing.assert_array_equal(np.isnan(other), np.isnan(first))
        number = ~np.isnan(first)
        np.testing.assert_array_equal(other[number], first[number])
        np.testing.assert_array_equal(np.signbit(other[number]), np.signbit(first[number]))
