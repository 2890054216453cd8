"""Softmax, log-softmax and log-sum-exp along any axis."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import special

from mlpcore import functional as F

logits = arrays(np.float64, array_shapes(max_dims=3, max_side=4), elements=st.floats(-1e4, 1e4))


@given(x=logits, data=st.data())
def test_they_are_what_scipy_computes(x, data):
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    np.testing.assert_allclose(F.softmax(x, axis), special.softmax(x, axis=axis), rtol=1e-10)
    np.testing.assert_allclose(
        F.log_softmax(x, axis), special.log_softmax(x, axis=axis), rtol=1e-12, atol=1e-11
    )
    for keepdims in (False, True):
        result = F.logsumexp(x, axis, keepdims=keepdims)
        expected = special.logsumexp(x, axis=axis, keepdims=keepdims)
        np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-12)
        assert result.shape == np.shape(expected)
        out = np.empty(result.shape)
        assert F.logsumexp(x, axis, keepdims=keepdims, out=out) is out
        np.testing.assert_array_equal(out, result)


@given(x=logits)
def test_the_rows_of_a_softmax_sum_to_one(x):
    np.testing.assert_allclose(F.softmax(x).sum(axis=-1), 1, rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_largest_finite_logits_are_no_trouble(dtype):
    big = np.finfo(dtype).max
    x = np.array([[big, big], [big, -big], [-big, -big]], dtype)
    np.testing.assert_array_equal(F.softmax(x), [[0.5, 0.5], [1, 0], [0.5, 0.5]])
    np.testing.assert_array_equal(F.logsumexp(x), [big, big, -big])


@pytest.mark.parametrize("f", [F.softmax, F.log_softmax, F.logsumexp])
@pytest.mark.parametrize(("shape", "axis"), [((2, 3), 2), ((2, 3), -3), ((), -1), ((), 0)])
def test_an_axis_that_is_not_there_is_refused(f, shape, axis):
    with pytest.raises(ValueError, match="has no axis"):
        f(np.zeros(shape), axis)


def test_the_sum_over_nothing_has_logarithm_minus_infinity():
    np.testing.assert_array_equal(F.logsumexp(np.zeros((2, 0))), [-np.inf, -np.inf])
    assert F.softmax(np.zeros((2, 0))).shape == (2, 0)
