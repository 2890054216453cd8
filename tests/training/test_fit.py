"""Epochs of shuffled minibatches, seeded, measured and interruptible."""

import os
import signal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpcore import MLP
from mlpcore.training.fit import minibatches


def data(rows=50, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 4)).astype(np.float32)
    return x, (x[:, 0] + x[:, 1] > 0).astype(np.int64)


def model(**changes):
    return MLP(**({"sizes": [4, 8, 2], "output": "softmax", "seed": 0} | changes))


@given(st.integers(1, 60), st.integers(1, 70), st.integers(0, 5), st.booleans())
def test_an_epoch_visits_every_row_once(rows, batch_size, epoch, shuffle):
    parts = [
        np.arange(rows)[part] for part in minibatches(rows, batch_size, 1, epoch, shuffle=shuffle)
    ]
    assert sorted(np.concatenate(parts).tolist()) == list(range(rows))
    assert all(len(part) == batch_size for part in parts[:-1])
    assert 0 < len(parts[-1]) <= batch_size


def test_the_order_depends_on_seed_and_epoch_alone():
    def order(seed, epoch):
        return np.concatenate(list(minibatches(100, 7, seed, epoch, shuffle=True))).tolist()

    assert order(1, 2) == order(1, 2)
    assert order(1, 2) != order(1, 3)
    assert order(1, 2) != order(2, 2)


def test_fit_is_steps_on_those_minibatches():
    x, t = data()
    net, twin = model(), model()
    net.fit(x, t, epochs=2, batch_size=16, optimizer="adam", lr=0.01, seed=5)
    trainer = twin.trainer(optimizer="adam", lr=0.01)
    for epoch in range(2):
        for part in minibatches(50, 16, 5, epoch, shuffle=True):
            trainer.step(x[part], t[part])
    assert net.equals(twin)


def test_a_seeded_fit_is_bit_reproducible():
    x, t = data()
    first, second, other = model(), model(), model()
    curves = [net.fit(x, t, epochs=3, seed=1)["loss"] for net in (first, second)]
    assert curves[0] == curves[1]
    assert first.equals(second)
    other.fit(x, t, epochs=3, seed=2)
    assert not other.equals(first)


def test_the_history_has_a_curve_of_each_value():
    x, t = data()
    net = model()
    history = net.fit(x, t, epochs=3, validation_data=data(20, 1), metrics=["accuracy"])
    assert len(history) == 3
    names = ["loss", "accuracy", "val_loss", "val_accuracy", "seconds"]
    assert list(history[-1]) == names
    assert history["val_accuracy"][-1] == net.evaluate(*data(20, 1))["accuracy"]
    assert [epoch["loss"] for epoch in history] == history["loss"]
    assert repr(history).splitlines()[0].split() == ["epoch", *names]
    assert len(repr(history).splitlines()) == 4
    with pytest.raises(KeyError, match="no curve 'f1'; there are loss, accuracy"):
        history["f1"]


def test_no_epochs_change_nothing():
    net = model()
    before = net.copy()
    history = net.fit(*data(), epochs=0)
    assert len(history) == 0
    assert repr(history) == "History(no epochs)"
    assert net.equals(before)


def test_the_training_loss_is_the_mean_over_the_samples_of_the_epoch():
    x, t = data(10)
    net = model(dtype="float64")
    # A rate this small leaves the model as it was: the mean of the steps is the loss of the whole.
    history = net.fit(x, t, epochs=1, batch_size=3, optimizer="sgd", lr=1e-300)
    assert history[0]["loss"] == pytest.approx(net.evaluate(x, t)["loss"], rel=1e-12)
    assert history[0]["accuracy"] == pytest.approx(net.evaluate(x, t)["accuracy"])


def test_it_learns_what_can_be_learnt():
    x, t = data(400)
    net = model()
    net.fit(x, t, epochs=30, lr=0.01)
    assert net.evaluate(*data(200, 1))["accuracy"] > 0.95


def test_regression_has_no_metric_unless_asked():
    x, _ = data(300)
    t = 3 * x[:, :1] - x[:, 1:2] + 1
    net = MLP([4, 16, 1], seed=0)
    history = net.fit(x, t, epochs=60, lr=0.01, metrics=["r2", "mae", "rmse"])
    assert history["r2"][-1] > 0.99
    assert list(net.fit(x, t, epochs=1)[0]) == ["loss", "seconds"]
    assert net.evaluate(x, t[:, 0], metrics="r2")["r2"] > 0.99


def test_sample_weights_go_with_their_rows():
    x, t = data(40)
    weights = np.zeros(40)
    weights[:20] = 1
    net, twin = model(), model()
    net.fit(x, t, epochs=1, batch_size=40, optimizer="sgd", lr=0.1, sample_weight=weights)
    twin.fit(x[:20], t[:20], epochs=1, batch_size=20, optimizer="sgd", lr=0.1)
    for name, view in net.parameters().items():
        np.testing.assert_allclose(view, twin.parameters()[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"epochs": -1}, ValueError, "epochs must be at least 0"),
        ({"epochs": 1.5}, TypeError, "epochs must be a whole number"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"optimizer": "adaam"}, ValueError, "adam"),
        ({"loss": "mse"}, ValueError, "output"),
        ({"metrics": ["f2"]}, ValueError, "unknown metric 'f2'; known are accuracy"),
        ({"metrics": "acuracy"}, ValueError, "did you mean 'accuracy'"),
        ({"validation_data": (np.ones((1, 3)), [0])}, ValueError, "x must have the shape"),
        ({"validation_data": (np.ones((0, 4)), np.zeros(0, int))}, ValueError, "no rows"),
        ({"validation_data": np.ones((1, 4))}, TypeError, "pair"),
        ({"x": np.ones((0, 4)), "t": np.zeros(0, int)}, ValueError, "no rows"),
        ({"t": np.zeros(3, int)}, ValueError, "3"),
        ({"sample_weight": np.ones(3)}, ValueError, "one weight for each sample"),
        ({"seed": -1}, ValueError, "seed must not be negative"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(changes, error, words):
    x, t = data()
    net = model()
    before = net.copy()
    with pytest.raises(error, match=words):
        net.fit(**({"x": x, "t": t} | changes))
    assert net.equals(before)


def test_evaluating_nothing_is_refused():
    with pytest.raises(ValueError, match="no rows"):
        model().evaluate(np.ones((0, 4)), np.zeros(0, int))


def test_ctrl_c_leaves_the_last_whole_step():
    x, t = data()
    net, twin = model(), model()
    seen = []

    def interrupt(layer):
        if layer.index == 0:
            seen.append(layer)
            if len(seen) == 4:
                os.kill(os.getpid(), signal.SIGINT)

    with net.on_layer(interrupt), pytest.raises(KeyboardInterrupt):
        net.fit(x, t, epochs=9, batch_size=10, optimizer="sgd", lr=0.1, seed=3)
    trainer = twin.trainer(optimizer="sgd", lr=0.1)
    for part in list(minibatches(50, 10, 3, 0, shuffle=True))[:3]:
        trainer.step(x[part], t[part])
    assert net.equals(twin)


def test_the_progress_bar_is_silent_unless_on_a_terminal_or_asked_for(capsys):
    model().fit(*data(), epochs=1)
    assert capsys.readouterr() == ("", "")
    model().fit(*data(), epochs=1, progress=True)
    assert "loss=" in capsys.readouterr().err
