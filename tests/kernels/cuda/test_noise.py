"""Noise on the device is what the reference adds."""

import cupy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpcore.kernels.cuda.noise import add_noise, normal_pair
from mlpcore.kernels.reference.normal_numbers import normal_numbers

WORDS = st.integers(0, 2**32 - 1)


@given(WORDS, WORDS)
def test_a_pair_lies_at_its_angle_and_as_far_out_as_the_first_word_says(first, second):
    x, y = normal_pair(first, second)
    assert np.exp(-(x * x + y * y) / 2) == pytest.approx((first + 0.5) / 2**32, rel=1e-12)
    turns = np.arctan2(y, x) / (2 * np.pi)
    assert (turns - second / 2**32 + 0.5) % 1 == pytest.approx(0.5, abs=1e-14)


@given(
    rows=st.integers(0, 9),
    columns=st.integers(1, 13),
    std=st.sampled_from([0.0, 0.1, 7.0]),
    seed=st.sampled_from([0, 7, 2**63 + 12345, 2**64 - 1]),
    step=st.sampled_from([0, 1, 2**32 - 1]),
    first_row=st.sampled_from([0, 64, 2**32 - 9]),
    dtype=st.sampled_from(["float32", "float64"]),
)
@settings(max_examples=20)
def test_it_is_the_noise_of_the_reference_rounded_once(
    rows, columns, std, seed, step, first_row, dtype
):
    x = np.random.default_rng(0).normal(size=(rows, columns)).astype(dtype)
    where = {"seed": seed, "step": step, "layer": 3, "first_row": first_row}
    noise = std * normal_numbers(np, rows, columns, **where)
    found = add_noise(cupy.asarray(x), std, **where).get()
    assert found.dtype == dtype
    # Logarithm, root, sine and cosine have a few roundings of float64, 2⁻⁵² each; then the noise
    # is rounded, and the sum.
    unit = np.finfo(dtype).eps / 2
    bound = 16 * 2.0**-52 * std * 7 + unit * (np.abs(noise) + np.abs(x + noise)) * 1.001
    assert (np.abs(found.astype("float64") - (x + noise)) <= bound).all()


def test_in_place_with_few_threads(double, monkeypatch):
    monkeypatch.setattr("mlpcore.kernels.cuda.compiler._BLOCKS_OF_MULTIPROCESSOR", 0.01)
    x = np.random.default_rng(0).normal(size=(100, 24)).astype("float32")
    x[0, 0] = np.nan
    where = {"seed": 5, "step": 2, "layer": 1}
    expected = x + (0.5 * normal_numbers(np, *x.shape, **where)).astype("float32")
    with double.exact_bounds(), double.order("reverse"):
        there = cupy.asarray(x)
        assert add_noise(there, 0.5, **where, out=there) is there
        np.testing.assert_array_equal(there.get(), expected)


@pytest.mark.parametrize(
    ("name", "bad"), [("std", -1.0), ("std", np.nan), ("seed", -1), ("step", 2**32), ("layer", -1)]
)
def test_numbers_out_of_range_are_refused(name, bad):
    given = {"std": 0.5, "seed": 0, "step": 0, "layer": 0, "first_row": 0} | {name: bad}
    with pytest.raises(ValueError, match=f"{name} must be"):
        add_noise(cupy.zeros((2, 3), np.float32), **given)
