"""Targets and weights are checked in the shape they came in and handed on as rows."""

import re

import numpy as np
import pytest

from mlpcore import MLP
from mlpcore.nn.losses import loss
from mlpcore.training.data import take_data

F4 = np.dtype("float32")


def squares(z, t):
    return ((z - t) ** 2).mean(), 2 * (z - t) / z.size


def both(x_shape, t, by, sample_weight=None, out=3):
    model = MLP([x_shape[-1], out], seed=0)
    data = take_data(model._bound, np.zeros(x_shape), t, loss(by), sample_weight)
    return data.t, data.sample_weight


def test_leading_axes_become_rows():
    labels = np.arange(10).reshape(5, 2) % 3
    weights = np.linspace(0, 1, 10).reshape(5, 2)
    targets, taken = both((5, 2, 4), labels, "cross_entropy", weights)
    np.testing.assert_array_equal(targets, labels.reshape(10))
    np.testing.assert_array_equal(taken, weights.reshape(10).astype(F4))
    assert both((4,), 2, "cross_entropy")[0].shape == (1,)
    assert both((5, 2, 4), np.ones((5, 2, 3)), "mse")[0].shape == (10, 3)


def test_weights_of_elements_keep_their_columns():
    weights = np.ones((5, 2, 3))
    assert both((5, 2, 4), np.ones((5, 2, 3)), "mse", weights)[1].shape == (10, 3)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64"])
def test_labels_keep_their_dtype(dtype):
    assert both((2, 4), np.array([0, 1], dtype=dtype), "cross_entropy")[0].dtype == dtype


def test_other_targets_get_the_dtype_of_the_model():
    assert both((2, 4), np.zeros((2, 3), dtype=np.float64), "mse")[0].dtype == F4


def test_a_loss_of_ones_own_may_take_any_further_axes():
    assert both((5, 2, 4), np.ones((5, 2, 7, 6)), squares)[0].shape == (10, 7, 6)


@pytest.mark.parametrize("by", ["cross_entropy", "mse", squares])
@pytest.mark.parametrize("count", [63, 100])
def test_every_loss_needs_a_target_for_each_sample(by, count):
    words = (
        "t must begin with (64,), the leading shape of x, to have one target for each sample; "
        f"got shape ({count},)"
    )
    with pytest.raises(ValueError, match=re.escape(words)):
        both((64, 4), np.zeros(count, int), by)


def test_shapes_are_named_as_they_came_in():
    words = re.escape("targets of shape (5, 2, 7) for logits of shape (5, 2, 3)")
    with pytest.raises(ValueError, match=words):
        both((5, 2, 4), np.ones((5, 2, 7)), "mse")
    words = re.escape("sample_weight of shape (10,) for logits of shape (5, 2, 3)")
    with pytest.raises(ValueError, match=words):
        both((5, 2, 4), np.ones((5, 2, 3)), "mse", np.ones(10))


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf, 1e300])
def test_weights_that_are_not_finite_in_the_dtype_of_the_model_are_refused(weight):
    with pytest.raises(ValueError, match="in row 1 must be finite and not negative"):
        both((2, 4), np.zeros(2, int), "cross_entropy", np.array([1.0, weight]))


def test_a_loss_of_ones_own_takes_no_weights():
    with pytest.raises(ValueError, match="'squares' is your own and takes no sample_weight"):
        both((2, 4), np.zeros((2, 3)), squares, np.ones(2))
