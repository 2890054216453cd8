"""Epochs of shuffled minibatches, seeded, measured and interruptible."""

import os
import re
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpcore import MLP
from mlpcore.nn.losses import loss
from mlpcore.randomness import Stream, generator
from mlpcore.training.sources.order import minibatches


def data(rows=50, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 4)).astype(np.float32)
    return x, (x[:, 0] + x[:, 1] > 0).astype(np.int64)


def squares(z, t):
    return ((z - t) ** 2).mean(), 2 * (z - t) / z.size


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
    assert order(5, 1) != order(5 + 2**32, 0)  # one number of 32 bits, or two


def test_the_order_says_nothing_of_the_weights():
    # The stream that shuffles the first epoch of seed 0 is not the one that its weights came from.
    order = np.concatenate(list(minibatches(12, 12, 0, 0, shuffle=True)))
    old = np.random.Generator(np.random.Philox(np.random.SeedSequence([0, 0]))).permutation(12)
    own = generator(0, Stream.ORDER, 0).permutation(12)
    assert order.tolist() == own.tolist() != old.tolist()


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


def test_no_epochs_change_nothing():
    net = model()
    before = net.copy()
    history = net.fit(*data(), epochs=0)
    assert len(history) == 0
    assert net.equals(before)


def test_the_training_loss_is_the_mean_over_the_samples_of_the_epoch():
    x, t = data(10)
    net = model(dtype="float64")
    # A rate this small leaves the model as it was: the mean of the steps is the loss of the whole.
    history = net.fit(x, t, epochs=1, batch_size=3, optimizer="sgd", lr=1e-300)
    assert history[0]["loss"] == pytest.approx(net.evaluate(x, t)["loss"], rel=1e-12)
    assert history[0]["accuracy"] == pytest.approx(net.evaluate(x, t)["accuracy"])


def test_loss_and_validation_loss_are_data_losses_and_the_objective_adds_the_penalty():
    x, t = data(20)
    net = model(dtype="float64")
    still = {"optimizer": "sgd", "lr": 1e-300, "validation_data": (x, t)}
    values = net.fit(x, t, epochs=1, batch_size=8, l2=0.5, **still)[0]
    assert list(values)[:2] == ["loss", "objective"]
    assert "val_objective" not in values
    assert values["loss"] == pytest.approx(values["val_loss"], rel=1e-12)
    J, gradients = net.value_and_grad(x, t, l2=0.5)
    assert values["loss"] == pytest.approx(float(gradients.loss), rel=1e-12)
    assert values["objective"] == pytest.approx(float(J), rel=1e-12)
    assert "objective" not in net.fit(x, t, epochs=1, **still)


def test_ignored_rows_do_not_count_in_the_means_of_an_epoch():
    x, t = data(20)
    net = model(dtype="float64")
    t[::3] = -1
    by = loss("cross_entropy", ignore_index=-1)
    # Batches of two, so that some count one row, some two.
    values = net.fit(x, t, epochs=1, batch_size=2, loss=by, optimizer="sgd", lr=1e-300)[0]
    found = net.evaluate(x, t, loss=by)
    assert values["loss"] == pytest.approx(found["loss"], rel=1e-12)
    assert values["accuracy"] == pytest.approx(found["accuracy"], rel=1e-12)


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
        ({"metrics": "mae"}, ValueError, re.escape("'mae' for logits of shape (50, 2) expects")),
        (
            {"validation_data": (np.ones((1, 3)), [0])},
            ValueError,
            "^validation_data: x must have the shape",
        ),
        ({"validation_data": (np.ones((1, 4)), [0.5])}, TypeError, "^validation_data: cross_entr"),
        (
            {"validation_data": (np.ones((0, 4)), np.zeros(0, int))},
            ValueError,
            "^validation_data: x has no rows",
        ),
        ({"validation_data": np.ones((1, 4))}, TypeError, "pair"),
        ({"x": np.ones((0, 4)), "t": np.zeros(0, int)}, ValueError, "no rows"),
        ({"t": np.zeros(3, int)}, ValueError, re.escape("t must begin with (50,)")),
        ({"sample_weight": np.ones(3)}, ValueError, re.escape("sample_weight of shape (3,)")),
        ({"sample_weight": np.full(50, np.inf)}, ValueError, "sample_weight inf in row 0"),
        ({"loss": squares, "t": np.zeros((40, 2))}, ValueError, re.escape("got shape (40, 2)")),
        ({"loss": squares, "t": np.zeros((99, 2))}, ValueError, re.escape("got shape (99, 2)")),
        ({"loss": squares, "sample_weight": np.ones(50)}, ValueError, "no sample_weight"),
        ({"seed": -1}, ValueError, "seed must"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(changes, error, words):
    x, t = data()
    net = model()
    before = net.copy()
    with pytest.raises(error, match=words):
        net.fit(**({"x": x, "t": t} | changes))
    assert net.equals(before)


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


def test_without_a_progress_bar_no_thread_is_left_behind():
    # In a process of its own: the thread of a bar in another test would be found here, too.
    script = """
        import sys, threading
        import numpy as np
        from mlpcore import MLP
        for progress in (False, None):
            MLP([4, 2], output="softmax", seed=0).fit(
                np.ones((8, 4)), np.zeros(8, int), epochs=1, progress=progress
            )
        assert threading.active_count() == 1, threading.enumerate()
        assert "tqdm" not in sys.modules
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
