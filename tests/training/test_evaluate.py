"""The loss and the metrics of a model as it stands."""

import re

import numpy as np
import pytest

from mlpcore import MLP
from mlpcore.nn.losses import loss

X = np.random.default_rng(0).normal(size=(9, 4))
LABELS = np.arange(9) % 3


def model():
    return MLP([4, 5, 3], output="softmax", dtype="float64", seed=0)


def test_it_gives_the_data_loss_and_the_metrics():
    net = model()
    found = net.evaluate(X, LABELS)
    p = net(X)
    assert list(found) == ["loss", "accuracy"]
    assert found["loss"] == pytest.approx(-np.log(p[np.arange(9), LABELS]).mean())
    assert found["accuracy"] == (p.argmax(axis=1) == LABELS).mean()


def test_ignored_rows_are_as_if_they_were_not_there():
    t = LABELS.copy()
    t[5:] = -1
    by = loss("cross_entropy", ignore_index=-1)
    whole, part = model().evaluate(X, t, loss=by), model().evaluate(X[:5], t[:5])
    assert whole == pytest.approx(part)


def test_leading_axes_are_rows():
    x, t = X[:8].reshape(4, 2, 4), LABELS[:8].reshape(4, 2)
    assert model().evaluate(x, t) == model().evaluate(X[:8], LABELS[:8])


def test_boolean_labels_are_the_classes_0_and_1():
    t = LABELS == 1
    assert model().evaluate(X, t) == model().evaluate(X, t.astype(int))


def test_weights_count_in_the_loss():
    weights = np.array([2.0] + [0] * 8)
    found = model().evaluate(X, LABELS, sample_weight=weights)
    assert found["loss"] == pytest.approx(model().evaluate(X[:1], LABELS[:1])["loss"])


def test_a_metric_that_cannot_compare_the_targets_is_refused():
    words = "metric 'mae' for logits of shape (3, 3, 3) expects targets of shape (3, 3, 3)"
    with pytest.raises(ValueError, match=re.escape(words)):
        model().evaluate(X.reshape(3, 3, 4), LABELS.reshape(3, 3), metrics="mae")


def test_evaluating_nothing_is_refused():
    with pytest.raises(ValueError, match=re.escape("x has no rows: its shape is (0, 4)")):
        model().evaluate(np.ones((0, 4)), np.zeros(0, int))


def test_weights_beside_batches_are_refused_rather_than_ignored():
    with pytest.raises(ValueError, match="sample_weight goes with arrays"):
        model().evaluate([(X, LABELS)], sample_weight=np.ones(9))


def test_batches_without_weights_count_one_beside_others_with_a_weight_for_each_output():
    net = MLP([4, 3], output="identity", dtype="float64", seed=0)
    t, weights = X[:, :3], np.full((4, 3), 0.5)
    found = net.evaluate([(X[:4], t[:4], weights), (X[4:], t[4:])])
    together = np.concatenate([weights, np.ones((5, 3))])
    assert found == pytest.approx(net.evaluate(X, t, sample_weight=together))


@pytest.mark.parametrize("method", ["evaluate", "fit"])
def test_batches_whose_targets_are_of_different_shapes_are_refused_where_they_are_joined(method):
    batches = [(X, LABELS), (X, np.eye(3)[LABELS])]
    with pytest.raises(ValueError, match=r"targets of all batches .* shapes \(9,\) and \(9, 3\)"):
        getattr(model(), method)(batches, metrics="roc_auc")
