"""Mean and scale are those of the columns, whatever the magnitude of their values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from mlpcore import MLP


def statistics(x, dtype):
    x = np.asarray(x, dtype=dtype)
    net = MLP([x.shape[1], 1], standardize=True, dtype=dtype, seed=0)
    net.adapt(x)
    state = net._bound.state.views
    mean, scale = (
        state[name] for name in dict(net._bound.program.stages[0].before[0].state).values()
    )
    return mean, scale


@pytest.mark.parametrize("factor", [2.0**-1000, 2.0**-500, 1.0, 2.0**500, 2.0**1000])
def test_statistics_scale_with_the_data(factor):
    x = np.random.default_rng(0).normal(3, 2, size=(100, 2))
    mean, scale = statistics(x * factor, "float64")
    np.testing.assert_allclose(mean / factor, x.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(scale * factor, 1 / x.std(axis=0), rtol=1e-13)


def test_a_spread_far_below_the_mean_is_not_lost():
    # A multiple of 1e-9 = spread, on 1e6: every value and its distance to the mean are exact.
    spread = 2.0**-30
    mean, scale = statistics([[1e6 - spread], [1e6 + spread]], "float64")
    assert mean == 1e6
    assert scale == 1 / spread


def test_plus_and_minus_1e300_have_the_scale_1e_minus_300():
    mean, scale = statistics([[1e300], [-1e300]], "float64")
    assert mean == 0
    assert scale == pytest.approx(1e-300, rel=1e-14)


def test_sums_beyond_the_largest_number_do_not_overflow():
    mean, scale = statistics([[1.7e308], [1.7e308], [1.6e308]], "float64")
    assert mean == pytest.approx(5 / 3 * 1e308, rel=1e-14)
    assert scale == pytest.approx(1 / np.std([17.0, 17.0, 16.0]) / 1e307, rel=1e-13)


@pytest.mark.parametrize(("dtype", "least"), [("float32", 1e-39), ("float64", 1e-310)])
def test_a_spread_too_small_to_be_inverted_counts_as_none(dtype, least):
    assert statistics([[0.0], [least]], dtype)[1] == 1


@given(
    st.sampled_from([32, 64]).flatmap(
        lambda bits: arrays(
            f"float{bits}",
            array_shapes(min_dims=2, max_dims=2, max_side=4),
            elements=st.floats(allow_nan=False, allow_infinity=False, width=bits),
        )
    )
)
def test_statistics_of_finite_data_are_finite(x):
    mean, scale = statistics(x, x.dtype)
    assert np.isfinite(mean).all()
    assert (np.isfinite(scale) & (scale > 0)).all()
    # Compared in the model's own dtype, to which the mean is rounded.
    assert ((x.min(axis=0) <= mean) & (mean <= x.max(axis=0))).all()
    constant = x.min(axis=0) == x.max(axis=0)
    np.testing.assert_array_equal(mean[constant], x[0, constant])
    np.testing.assert_array_equal(scale[constant], 1)
