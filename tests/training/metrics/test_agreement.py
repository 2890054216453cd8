"""Metrics are those of scikit-learn, whatever batches the rows came in."""

import numpy as np
import pytest

from mlpcore.backends.registry import backend
from mlpcore.device import resolve
from mlpcore.nn.losses import loss
from mlpcore.training.metrics import Measures, Place, metric, resolve_metrics

theirs = pytest.importorskip("sklearn.metrics")

RNG = np.random.default_rng(0)
ROWS = 203


def softmax(xp, z):
    p = np.exp(z - z.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def value(name, z, t, by="cross_entropy", size=17):
    """The metric of batches of `size` rows."""
    place = Place(backend(resolve("cpu")), softmax)
    by = loss(by)
    measures = Measures(place, resolve_metrics(name, by), by)
    for start in range(0, len(z), size):
        measures.add(z[start : start + size], t[start : start + size])
    (found,) = measures.values().values()
    return float(found)


CLASSES = {
    "accuracy": lambda t, p, s: theirs.accuracy_score(t, p),
    "precision_macro": lambda t, p, s: theirs.precision_score(
        t, p, average="macro", zero_division=0
    ),
    "recall_macro": lambda t, p, s: theirs.recall_score(t, p, average="macro", zero_division=0),
    "f1_macro": lambda t, p, s: theirs.f1_score(t, p, average="macro", zero_division=0),
    "top_2_accuracy": lambda t, p, s: theirs.top_k_accuracy_score(t, s, k=2, labels=range(5)),
    "top_3_accuracy": lambda t, p, s: theirs.top_k_accuracy_score(t, s, k=3, labels=range(5)),
    "roc_auc": lambda t, p, s: theirs.roc_auc_score(t, s, multi_class="ovr"),
}


@pytest.mark.parametrize("one_hot", [False, True])
@pytest.mark.parametrize("name", CLASSES)
def test_of_several_classes(name, one_hot):
    z, t = RNG.normal(size=(ROWS, 5)), RNG.integers(0, 5, ROWS)
    z[np.arange(ROWS), t] += 0.7
    expected = CLASSES[name](t, z.argmax(axis=1), softmax(np, z))
    assert value(name, z, np.eye(5)[t] if one_hot else t) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ["precision_macro", "recall_macro", "f1_macro"])
def test_a_class_that_nobody_saw_or_predicted_does_not_count(name):
    z, t = RNG.normal(size=(ROWS, 5)), RNG.integers(0, 3, ROWS)
    z[:, 4] = -9
    expected = CLASSES[name](t, z.argmax(axis=1), None)
    assert value(name, z, t) == pytest.approx(expected, rel=1e-12)


BINARY = {
    "precision": lambda t, p, s: theirs.precision_score(t, p),
    "recall": lambda t, p, s: theirs.recall_score(t, p),
    "f1": lambda t, p, s: theirs.f1_score(t, p),
    "f1_macro": lambda t, p, s: theirs.f1_score(t, p, average="macro"),
    "roc_auc": lambda t, p, s: theirs.roc_auc_score(t, s),
}


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("name", BINARY)
def test_of_two_classes_told_by_one_logit_or_by_two(name, outputs):
    z, t = np.round(RNG.normal(size=(ROWS, outputs)), 1), RNG.integers(0, 2, ROWS)  # with ties
    score = z[:, 0] if outputs == 1 else z[:, 1] - z[:, 0]
    by = "binary_cross_entropy" if outputs == 1 else "cross_entropy"
    expected = BINARY[name](t, score > 0, score)
    assert value(name, z, t, by) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ["precision_macro", "recall_macro", "f1_macro"])
def test_of_several_labels_a_row(name):
    z, t = RNG.normal(size=(ROWS, 4)), RNG.integers(0, 2, (ROWS, 4))
    z[:, 3], t[:, 3] = -1, 0  # a label that nobody has or predicts counts 0 all the same
    expected = CLASSES[name](t, z > 0, None)
    assert value(name, z, t, "binary_cross_entropy") == pytest.approx(expected, rel=1e-12)


def test_areas_and_single_elements_of_several_labels_a_row():
    z, t = RNG.normal(size=(ROWS, 4)), RNG.integers(0, 2, (ROWS, 4))
    by = "binary_cross_entropy"
    assert value("roc_auc", z, t, by) == pytest.approx(theirs.roc_auc_score(t, z), rel=1e-12)
    alone = 1 - theirs.hamming_loss(t, z > 0)
    assert value("binary_accuracy", z, t, by) == pytest.approx(alone, rel=1e-12)


@pytest.mark.parametrize("shift", [0.0, 1e6])
@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("mae", "mean_absolute_error"),
        ("rmse", "root_mean_squared_error"),
        ("r2", "r2_score"),
    ],
)
def test_of_regression(name, function, shift):
    t = RNG.normal(size=(ROWS, 3)) * [1, 2, 3] + shift
    y = t + RNG.normal(size=(ROWS, 3))
    expected = getattr(theirs, function)(t, y)
    assert value(name, y, t, "mse") == pytest.approx(expected, rel=1e-8)


def test_r2_of_a_constant_target_is_one_if_it_is_met_and_zero_otherwise():
    t = np.full((20, 2), 5.0)
    y = t.copy()
    assert value("r2", y, t, "mse") == theirs.r2_score(t, y) == 1
    y[0, 1] = 4
    assert value("r2", y, t, "mse") == theirs.r2_score(t, y) == 0.5


def test_a_users_own_metric_sees_predictions_and_targets_of_all_rows():
    z, t = RNG.normal(size=(ROWS, 5)), RNG.integers(0, 5, ROWS)
    own = metric(lambda y, t: theirs.log_loss(t, y), name="log_loss")
    assert value(own, z, t) == pytest.approx(theirs.log_loss(t, softmax(np, z)), rel=1e-12)
