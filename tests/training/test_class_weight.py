"""Class weights are weights of rows, by their class."""

import numpy as np
import pytest

from mlpcore import MLP
from mlpcore.nn.losses import loss

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4))
T = np.digitize(X[:, 0], [-0.9, 0.3])


def model(outputs=3, output="softmax"):
    return MLP([4, 5, outputs], output=output, dtype="float64", seed=0)


def trained(**options):
    net = model()
    net.fit(X, T, epochs=2, **options)
    return net


def test_weights_by_class_are_weights_of_rows():
    weights = np.array([2.0, 1.0, 0.5])
    expected = trained(sample_weight=weights[T])
    for given in ([2.0, 1.0, 0.5], {0: 2, 2: 0.5}):
        for name, value in trained(class_weight=given).parameters().items():
            np.testing.assert_allclose(value, expected.parameters()[name], rtol=1e-9, atol=1e-12)


def test_balanced_weights_are_those_of_scikit_learn():
    utils = pytest.importorskip("sklearn.utils.class_weight")
    weights = utils.compute_class_weight("balanced", classes=np.arange(3), y=T)
    found = model().evaluate(X, T, class_weight="balanced")["loss"]
    assert found == pytest.approx(model().evaluate(X, T, sample_weight=weights[T])["loss"])
    assert trained(class_weight="balanced").equals(trained(class_weight=list(weights)))


def test_labels_that_are_ignored_do_not_count_in_the_balance():
    t = np.where(np.arange(90) % 7 == 0, -1, T)
    by = loss("cross_entropy", ignore_index=-1)
    found = model().evaluate(X, t, loss=by, class_weight="balanced")["loss"]
    kept = t >= 0
    assert found == pytest.approx(
        model().evaluate(X[kept], t[kept], class_weight="balanced")["loss"]
    )


@pytest.mark.parametrize("shape", [(90,), (90, 1)])
def test_a_binary_loss_of_one_logit_takes_them_too(shape):
    t, net = (T == 2).astype(float), model(1, "sigmoid")
    own = RNG.random(90)
    rows = np.where(t > 0, 3.0, 0.5)
    expected = net.evaluate(X, t.reshape(shape), sample_weight=rows * own)["loss"]
    for given in ({0: 0.5, 1: 3}, [0.5, 3.0]):
        found = net.evaluate(X, t.reshape(shape), sample_weight=own, class_weight=given)["loss"]
        assert found == pytest.approx(expected)
    n1 = t.sum()
    given = {0: 90 / (2 * (90 - n1)), 1: 90 / (2 * n1)}
    balanced = net.evaluate(X, t.reshape(shape), class_weight="balanced")
    assert balanced == net.evaluate(X, t.reshape(shape), class_weight=given)


def test_validation_weighs_classes_as_training_does():
    weights = {0: 4.0, 1: 1.0, 2: 0.25}
    net = model()
    history = net.fit(X, T, epochs=1, class_weight=weights, validation_data=(X[:30], T[:30]))
    assert history["val_loss"][0] == net.evaluate(X[:30], T[:30], class_weight=weights)["loss"]


@pytest.mark.parametrize(
    ("net", "options", "words"),
    [
        (model(2, "identity"), {"class_weight": "balanced"}, "goes with a loss of classes"),
        (model(2, "sigmoid"), {"class_weight": [1, 2]}, "goes with a loss of classes"),
        (model(1, "sigmoid"), {"class_weight": [1, 2, 3]}, "3 weights for the classes 0 and 1"),
        (model(1, "sigmoid"), {"class_weight": {2: 1.0}}, "names class 2"),
        (
            model(),
            {"class_weight": {0: 1.0}, "loss": loss("nll", class_weight=[1, 2, 3])},
            "has class weights already",
        ),
    ],
)
def test_where_there_are_no_classes_or_weights_already_they_are_refused(net, options, words):
    if "loss" in options:
        net = MLP([4, 3], output="identity", dtype="float64", seed=0)
    with pytest.raises(ValueError, match=words):
        net.evaluate(X, np.zeros(90), **options)


@pytest.mark.parametrize(("outputs", "output", "wrong"), [(3, "softmax", 3), (1, "sigmoid", 2)])
def test_a_label_that_is_no_class_is_named_where_it_stands_also_if_balanced(outputs, output, wrong):
    t = np.arange(90) % 2
    t[7] = wrong
    with pytest.raises(ValueError, match=f"{wrong}.* in row 7 is not a"):
        model(outputs, output).evaluate(X, t, class_weight="balanced")
