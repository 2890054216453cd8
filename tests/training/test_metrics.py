"""Metrics are what their names say, computed from logits."""

import re

import numpy as np
import pytest

from mlpcore.nn.losses import loss
from mlpcore.training.metrics import (
    METRICS,
    check_metrics,
    counted_rows,
    measure,
    resolve_metrics,
)

RNG = np.random.default_rng(0)


def compute(name, logits, t):
    return float(METRICS[name](np, np.asarray(logits, dtype=float), np.asarray(t)))


def test_accuracy_is_the_share_of_largest_logits_on_the_right_class():
    logits = [[3, 1, 0], [0, 1, 0], [0, 0, -1], [1, 2, 3]]
    assert compute("accuracy", logits, [0, 1, 2, 2]) == 0.75
    assert compute("accuracy", logits, np.eye(3)[[0, 1, 2, 2]]) == 0.75


def test_accuracy_is_a_number_of_the_dtype_of_the_logits():
    logits, t = RNG.normal(size=(7, 3)).astype(np.float32), np.array([0, 1, 2, 0, 1, 2, 0])
    right = np.argmax(logits, axis=1) == t
    found = METRICS["accuracy"](np, logits, t)
    assert found.dtype == np.float32
    assert found == np.mean(right, dtype=np.float32)


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_with_one_logit_the_sign_tells_the_classes_apart(shape):
    logits = [[2.0], [-1.0], [0.5], [-3.0]]
    t = np.array([1, 0, 0, 0]).reshape(shape)
    assert compute("accuracy", logits, t) == 0.75
    assert compute("binary_accuracy", logits, t) == 0.75


def test_binary_accuracy_counts_each_label_alone():
    assert compute("binary_accuracy", [[1, -1], [1, 1]], [[1, 0], [0, 1]]) == 0.75


def test_errors_of_regression():
    y, t = RNG.normal(size=(20, 3)), RNG.normal(size=(20, 3))
    assert compute("mae", y, t) == pytest.approx(np.abs(y - t).mean())
    assert compute("rmse", y, t) == pytest.approx(np.sqrt(((y - t) ** 2).mean()))


def test_r2_agrees_with_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    y, t = RNG.normal(size=(20, 3)), RNG.normal(size=(20, 3))
    t[:, 1] = 5.0
    y[:, 1] = 5.0
    assert compute("r2", y, t) == pytest.approx(metrics.r2_score(t, y))
    y[0, 1] = 4.0
    assert compute("r2", y, t) == pytest.approx(metrics.r2_score(t, y))


@pytest.mark.parametrize("label", [-100, 3])
def test_ignored_rows_do_not_count_as_wrong(label):
    logits = np.array([[3.0, 1, 0], [0, 1, 0], [1, 2, 3], [0, 0, 1]])
    t = np.array([0, label, 1, label])
    found = measure(np, ["accuracy"], logits, t, loss("cross_entropy", ignore_index=label))
    assert found["accuracy"] == 0.5
    assert counted_rows(np, t, loss("cross_entropy", ignore_index=label)) == 2
    assert counted_rows(np, t, loss("cross_entropy")) == 4


def test_where_every_row_is_ignored_the_accuracy_is_zero_as_the_loss_is():
    nll, t = loss("nll", ignore_index=-1), np.array([-1, -1])
    logits = np.zeros((2, 3))
    assert measure(np, ["accuracy"], logits, t, nll)["accuracy"] == 0
    assert nll(np, logits, t)[0] == 0


def test_a_metric_that_is_named_twice_is_one_metric():
    logits = np.array([[1.0], [2.0]])
    assert measure(np, ["mae", "mae"], logits, np.zeros(2), loss("mse")) == {"mae": 1.5}


def test_r2_of_integer_targets_is_in_the_dtype_of_the_logits():
    logits = np.array([[1.0], [2.5]], dtype=np.float32)
    found = METRICS["r2"](np, logits, np.array([1, 3]))
    assert found.dtype == np.float32
    assert found == 0.875


def test_a_classification_loss_brings_its_accuracy():
    assert resolve_metrics(None, loss("cross_entropy")) == ("accuracy",)
    assert resolve_metrics(None, loss("nll")) == ("accuracy",)
    assert resolve_metrics(None, loss("binary_cross_entropy")) == ("binary_accuracy",)
    assert resolve_metrics(None, loss("mse")) == ()
    assert resolve_metrics("mae", loss("mse")) == ("mae",)


def test_a_loss_of_ones_own_brings_no_metric_whatever_its_name():
    def cross_entropy(z, t):
        return ((z - t) ** 2).mean(), 2 * (z - t) / z.size

    assert resolve_metrics(None, loss(cross_entropy)) == ()


@pytest.mark.parametrize(
    ("name", "by", "z_shape", "t_shape", "dtype"),
    [
        ("accuracy", "cross_entropy", (9, 3), (9,), "i8"),
        ("accuracy", "cross_entropy", (9, 3), (9,), "u1"),
        ("accuracy", "cross_entropy", (9, 2), (9,), "?"),
        ("accuracy", "cross_entropy", (9, 3), (9, 3), "f4"),
        ("accuracy", "binary_cross_entropy", (5, 2, 1), (5, 2), "f8"),
        ("binary_accuracy", "binary_cross_entropy", (9, 3), (9, 3), "i8"),
        ("mae", "mse", (9, 1), (9,), "f4"),
        ("rmse", "mse", (5, 2, 4), (5, 2, 4), "f4"),
        ("r2", "mse", (1,), (), "f8"),
    ],
)
def test_metrics_take_these_targets(name, by, z_shape, t_shape, dtype):
    check_metrics([name], loss(by), z_shape, t_shape, np.dtype(dtype))


@pytest.mark.parametrize(
    ("name", "by", "z_shape", "t_shape", "dtype", "expected"),
    [
        ("mae", "cross_entropy", (9, 3), (9,), "i8", "(9, 3)"),
        ("rmse", "nll", (9, 1), (9,), "i8", "(9, 1)"),
        ("r2", "mse", (5, 2, 4), (5, 2, 7), "f4", "(5, 2, 4)"),
        ("binary_accuracy", "mse", (9, 1), (9, 2), "f4", "(9,) or (9, 1)"),
        ("accuracy", "mse", (9, 3), (9,), "f4", "(9,) (integer class labels) or (9, 3)"),
        ("accuracy", "mse", (9, 1), (9, 3), "f4", "(9,) (numbers) or (9, 1)"),
    ],
)
def test_other_targets_are_refused_by_what_was_expected_and_what_came(
    name, by, z_shape, t_shape, dtype, expected
):
    dtype = np.dtype(dtype)
    words = (
        f"metric {name!r} for logits of shape {z_shape} expects targets of shape {expected}; "
        f"got shape {t_shape}, dtype {dtype}"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        check_metrics([name], loss(by), z_shape, t_shape, dtype)
