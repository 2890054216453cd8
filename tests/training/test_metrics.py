"""Metrics are what their names say, computed from logits."""

import numpy as np
import pytest

from mlpcore.training.metrics import METRICS, resolve_metrics

RNG = np.random.default_rng(0)


def compute(name, logits, t):
    return float(METRICS[name](np, np.asarray(logits, dtype=float), np.asarray(t)))


def test_accuracy_is_the_share_of_largest_logits_on_the_right_class():
    logits = [[3, 1, 0], [0, 1, 0], [0, 0, -1], [1, 2, 3]]
    assert compute("accuracy", logits, [0, 1, 2, 2]) == 0.75
    assert compute("accuracy", logits, np.eye(3)[[0, 1, 2, 2]]) == 0.75


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


def test_a_classification_loss_brings_its_accuracy():
    assert resolve_metrics(None, "cross_entropy") == ("accuracy",)
    assert resolve_metrics(None, "binary_cross_entropy") == ("binary_accuracy",)
    assert resolve_metrics(None, "mse") == ()
    assert resolve_metrics("mae", "mse") == ("mae",)
