"""How losses of rows and elements become one number."""

import numpy as np
import pytest

from mlpcore.kernels.reference.losses.reduction import reduce

L = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
D = np.array([[0.5, -1.0], [2.0, 0.25], [-4.0, 8.0]])


def test_without_weights_mean_sum_and_none_are_what_they_say():
    mean, d_mean = reduce(np, L, D, weight=None, reduction="mean")
    total, d_total = reduce(np, L, D, weight=None, reduction="sum")
    each, d_each = reduce(np, L, D, weight=None, reduction="none")
    assert (mean, total) == (pytest.approx(3.5), 21)
    np.testing.assert_allclose(d_mean, D / 6)
    np.testing.assert_array_equal(d_total, D)
    np.testing.assert_array_equal(each, L)
    np.testing.assert_array_equal(d_each, D)


def test_the_mean_divides_by_the_total_weight_over_all_elements():
    w = np.array([1.0, 0.5, 2.0])
    mean, dz = reduce(np, L, D, weight=w, reduction="mean")
    assert mean == pytest.approx((1 * 3 + 0.5 * 7 + 2 * 11) / (2 * 3.5))
    np.testing.assert_allclose(dz, D * w[:, None] / 7)


def test_weights_of_elements_count_each_element():
    w = np.arange(6.0).reshape(3, 2)
    mean, dz = reduce(np, L, D, weight=w, reduction="mean")
    assert mean == pytest.approx((L * w).sum() / 15)
    np.testing.assert_allclose(dz, D * w / 15)


def test_losses_of_rows_scale_whole_rows_of_the_gradient():
    w = np.array([1.0, 0.0, 3.0])
    mean, dz = reduce(np, L[:, 0], D, weight=w, reduction="mean")
    assert mean == pytest.approx((1 + 15) / 4)
    np.testing.assert_allclose(dz, D * w[:, None] / 4)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_an_integer_weight_is_a_repeated_row(reduction):
    repeated = reduce(np, L[[0, 0, 1]], D[[0, 0, 1]], weight=None, reduction=reduction)
    weighted = reduce(np, L[:2], D[:2], weight=np.array([2.0, 1.0]), reduction=reduction)
    assert weighted[0] == pytest.approx(repeated[0])
    np.testing.assert_allclose(weighted[1][0], 2 * repeated[1][0])


def test_what_has_weight_zero_takes_no_part_even_as_nan():
    losses, d = L.copy(), D.copy()
    losses[1], d[1] = np.nan, np.inf
    w = np.array([1.0, 0.0, 1.0])
    for reduction in ("mean", "sum", "none"):
        with np.errstate(invalid="ignore"):
            value, dz = reduce(np, losses, d, weight=w, reduction=reduction)
        assert np.isfinite(value).all()
        np.testing.assert_array_equal(dz[1], [0, 0])


@pytest.mark.parametrize("shape", [(3,), (3, 2)])
def test_a_total_weight_of_zero_gives_loss_zero_and_gradient_zero(shape):
    value, dz = reduce(np, L, D, weight=np.zeros(shape), reduction="mean")
    assert value == 0
    np.testing.assert_array_equal(dz, np.zeros_like(D))


@pytest.mark.parametrize("weight", [None, np.zeros(0), np.zeros((0, 2))])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_an_empty_batch_has_loss_zero(weight, reduction):
    empty = np.zeros((0, 2))
    value, dz = reduce(np, empty, empty, weight=weight, reduction=reduction)
    assert value == 0
    assert dz.shape == (0, 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weight", [None, np.ones(3)])
def test_the_reduced_loss_is_an_array_without_axes_in_the_dtype_of_its_terms(dtype, weight):
    weight = None if weight is None else weight.astype(dtype)
    for reduction in ("mean", "sum"):
        value, dz = reduce(np, L.astype(dtype), D.astype(dtype), weight=weight, reduction=reduction)
        assert isinstance(value, np.ndarray)
        assert value.shape == ()
        assert value.dtype == dz.dtype == dtype


def test_what_a_loss_counts_as_divides_its_mean_and_nothing_else():
    w, c = np.array([1.0, 0.5, 2.0]), np.array([3.0, 1.0, 0.0])
    mean, dz = reduce(np, L[:, 0], D, weight=w, counts=c, reduction="mean")
    assert mean == pytest.approx((1 + 1.5 + 10) / 3.5)
    np.testing.assert_allclose(dz, D * w[:, None] / 3.5)
    alone, _ = reduce(np, L[:, 0], D, weight=None, counts=c, reduction="mean")
    assert alone == pytest.approx(9 / 4)
    assert reduce(np, L[:, 0], D, weight=w, counts=c, reduction="sum")[0] == 12.5


@pytest.mark.parametrize("size", [1e-45, 1e-30, 1e30, 1e38])
def test_a_mean_knows_weights_by_their_ratios_alone(size):
    losses, d = L.astype(np.float32), D.astype(np.float32)
    w = np.full(3, size, np.float32)
    mean, dz = reduce(np, losses, d, weight=w, reduction="mean")
    assert mean == pytest.approx(3.5)
    np.testing.assert_allclose(dz, D / 6, rtol=1e-6)


def test_shares_of_weights_wider_than_the_losses_are_computed_in_their_own_dtype():
    losses, d = L.astype(np.float32), D.astype(np.float32)
    mean, dz = reduce(np, losses, d, weight=np.array([1e-60, 0, 1e-60]), reduction="mean")
    assert mean == pytest.approx((3 + 11) / 4)
    assert mean.dtype == dz.dtype == np.float32
