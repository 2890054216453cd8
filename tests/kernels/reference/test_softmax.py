"""Softmax, log-softmax and log-sum-exp over the whole range of finite logits."""

import array_api_strict
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from mlpcore.kernels.reference.softmax import (
    log_softmax,
    log_softmax_backward,
    logsumexp,
    softmax,
    softmax_backward,
)

EPS = np.finfo(np.float64).eps
LOGITS = arrays(
    np.float64,
    array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=6),
    elements=st.floats(-1e4, 1e4),
)


@settings(deadline=None, max_examples=50)
@given(z=LOGITS, axis=st.integers(-1, 0))
def test_the_probabilities_of_a_row_sum_to_one(z, axis):
    a = softmax(np, z, axis=axis)
    n = z.shape[axis]
    np.testing.assert_allclose(np.sum(a, axis=axis), 1.0, rtol=0, atol=2 * n * EPS)
    assert ((a >= 0) & (a <= 1)).all()


@settings(deadline=None, max_examples=50)
@given(z=LOGITS, c=st.integers(-(2**20), 2**20))
def test_a_shift_of_a_row_changes_nothing(z, c):
    # Multiples of 2⁻²⁰ stay exact under an integer shift, so that the logits really are shifted.
    z = np.round(z * 2**20) / 2**20
    np.testing.assert_array_equal(softmax(np, z + c), softmax(np, z))
    np.testing.assert_array_equal(log_softmax(np, z + c), log_softmax(np, z))
    np.testing.assert_allclose(
        logsumexp(np, z + c), logsumexp(np, z) + c, rtol=0, atol=2 * EPS * (abs(c) + 2e4)
    )


@settings(deadline=None, max_examples=50)
@given(z=LOGITS)
def test_log_softmax_is_z_minus_logsumexp_and_the_log_of_softmax(z):
    log_a = log_softmax(np, z)
    scale = np.max(np.abs(z)) + np.log(z.shape[-1]) + 1
    np.testing.assert_allclose(
        log_a, z - logsumexp(np, z, keepdims=True), rtol=0, atol=4 * EPS * scale
    )
    # exp turns the absolute error of a logarithm into a relative one
    np.testing.assert_allclose(np.exp(log_a), softmax(np, z), rtol=8 * EPS * scale, atol=1e-300)


def test_agrees_with_scipy():
    special = pytest.importorskip("scipy.special", reason="SciPy is the reference here")
    z = 10 * np.random.default_rng(0).normal(size=(50, 13))
    for axis in (0, 1, -1):
        np.testing.assert_allclose(softmax(np, z, axis=axis), special.softmax(z, axis), rtol=1e-13)
        np.testing.assert_allclose(
            log_softmax(np, z, axis=axis), special.log_softmax(z, axis), rtol=1e-12, atol=1e-14
        )
        np.testing.assert_allclose(
            logsumexp(np, z, axis=axis), special.logsumexp(z, axis), rtol=1e-14
        )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_logits(dtype):
    largest = np.finfo(dtype).max
    z = np.array([[1e4, 0, -1e4], [largest, 0, -largest], [-largest, -largest, -largest]], dtype)
    third = np.log(dtype(3))
    with np.errstate(over="ignore"):  # -max - max is -inf, as is the logarithm of the result
        np.testing.assert_array_equal(softmax(np, z)[:2], [[1, 0, 0], [1, 0, 0]])
        np.testing.assert_array_equal(softmax(np, z)[2], np.full(3, 1 / dtype(3)))
        np.testing.assert_array_equal(
            log_softmax(np, z),
            np.array([[0, -1e4, -2e4], [0, -largest, -np.inf], [-third, -third, -third]], dtype),
        )
        np.testing.assert_array_equal(logsumexp(np, z), np.array([1e4, largest, -largest], dtype))


def test_equal_logits_are_equally_likely_however_large():
    for value in (0.0, 1e4, -1e4, 1e308, -1e308, 5e-324):
        np.testing.assert_array_equal(softmax(np, np.full((2, 4), value)), 0.25)


def test_infinities_and_nan():
    inf, nan = np.inf, np.nan
    z = np.array([[-inf, 0.0, 0.0], [0.0, nan, 0.0]])
    np.testing.assert_array_equal(softmax(np, z), [[0, 0.5, 0.5], [nan, nan, nan]])
    np.testing.assert_array_equal(log_softmax(np, z)[0], [-inf, -np.log(2), -np.log(2)])
    with np.errstate(divide="ignore"):
        none = np.array([[-inf, -inf], [inf, 0.0]])
        np.testing.assert_array_equal(logsumexp(np, none), [-inf, inf])


def test_empty_rows_and_empty_batches():
    assert softmax(np, np.ones((0, 3))).shape == (0, 3)
    assert log_softmax(np, np.ones((3, 0))).shape == (3, 0)
    np.testing.assert_array_equal(logsumexp(np, np.ones((2, 0))), [-np.inf, -np.inf])
    assert logsumexp(np, np.ones((2, 0)), keepdims=True).shape == (2, 1)


def test_keepdims_and_axis_shape_the_result():
    z = np.zeros((2, 3, 4))
    assert logsumexp(np, z, axis=1).shape == (2, 4)
    assert logsumexp(np, z, axis=1, keepdims=True).shape == (2, 1, 4)
    np.testing.assert_allclose(logsumexp(np, z, axis=1), np.log(3), rtol=1e-15)


@pytest.mark.parametrize("axis", [0, 1])
def test_backward_is_the_transposed_jacobian(axis):
    """J = diag(a) - a aᵀ for softmax and I - 1 aᵀ for log-softmax, written out for each row."""
    rng = np.random.default_rng(3)
    z, da = rng.normal(size=(2, 5, 4))
    a, log_a = softmax(np, z, axis=axis), log_softmax(np, z, axis=axis)
    dz = softmax_backward(np, a, da, axis=axis)
    dz_log = log_softmax_backward(np, log_a, da, axis=axis)
    for i in range(z.shape[1 - axis]):
        row = np.s_[i, :] if axis == 1 else np.s_[:, i]
        p = a[row]
        jacobian = np.diag(p) - np.outer(p, p)
        np.testing.assert_allclose(dz[row], jacobian.T @ da[row], atol=1e-15)
        jacobian_log = np.eye(len(p)) - np.outer(np.ones(len(p)), p)
        np.testing.assert_allclose(dz_log[row], jacobian_log.T @ da[row], atol=1e-14)


def test_the_gradient_of_a_row_sums_to_zero():
    """A shift changes nothing, so the gradient has no component along it."""
    z, da = np.random.default_rng(4).normal(size=(2, 20, 10))
    np.testing.assert_allclose(softmax_backward(np, softmax(np, z), da).sum(-1), 0, atol=1e-15)
    np.testing.assert_allclose(
        log_softmax_backward(np, log_softmax(np, z), da).sum(-1), 0, atol=1e-13
    )


@pytest.mark.parametrize("function", [softmax, log_softmax, logsumexp])
def test_runs_on_any_namespace_of_the_standard(function):
    z = np.random.default_rng(5).normal(size=(3, 4)).astype(np.float32)
    got = function(array_api_strict, array_api_strict.asarray(z))
    assert got.dtype == array_api_strict.float32
    np.testing.assert_array_equal(np.from_dlpack(got), function(np, z))
