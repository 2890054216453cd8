"""Callbacks are told of everything in its order, and may end a fit."""

import numpy as np
import pytest

from mlpcore import MLP
from mlpcore.callbacks import Callback, StopFit
from mlpcore.training.sources.order import minibatches

X = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
T = (X[:, 0] > 0).astype(np.int64)


def model():
    return MLP([3, 4, 2], output="softmax", seed=0)


class Diary(Callback):
    def __init__(self):
        self.told = []

    def on_begin(self, run):
        self.told.append(("begin", run.epochs, run.steps, run.names))

    def on_epoch_begin(self, run):
        self.told.append(("epoch", run.epoch, run.step))

    def on_batch_end(self, run):
        self.told.append(("batch", run.epoch, run.step, float(run.result.loss)))

    def on_epoch_end(self, run):
        self.told.append(("end of epoch", run.epoch, dict(run.logs)))
        run.logs["own"] = 7.0

    def on_end(self, run):
        self.told.append(("end", run.stopped))

    def on_close(self, run):
        self.told.append(("close",))


def test_they_are_told_of_everything_in_its_order():
    diary = Diary()
    history = model().fit(X, T, epochs=2, batch_size=15, callbacks=[diary], validation_data=(X, T))
    names = ("loss", "accuracy", "val_loss", "val_accuracy")
    assert [entry[:3] for entry in diary.told] == [
        ("begin", 2, 2),
        ("epoch", 0, 0),
        ("batch", 0, 1),
        ("batch", 0, 2),
        ("end of epoch", 0, {k: v for k, v in history[0].items() if k != "own"}),
        ("epoch", 1, 0),
        ("batch", 1, 1),
        ("batch", 1, 2),
        ("end of epoch", 1, {k: v for k, v in history[1].items() if k != "own"}),
        ("end", None),
        ("close",),
    ]
    assert diary.told[0][3] == names
    assert history[0]["loss"] == pytest.approx((diary.told[2][3] + diary.told[3][3]) / 2)


def test_what_they_add_to_the_logs_is_in_the_history():
    assert model().fit(X, T, epochs=3, callbacks=[Diary()])["own"] == [7.0] * 3


def test_watching_changes_no_bit():
    net, twin = model(), model()
    net.fit(X, T, epochs=2, callbacks=[Diary()])
    twin.fit(X, T, epochs=2)
    assert net.equals(twin)


class StopAfter(Callback):
    def __init__(self, epoch, step=None):
        self._at = epoch, step

    def on_batch_end(self, run):
        if (run.epoch, run.step) == self._at:
            run.stop("enough")

    def on_epoch_end(self, run):
        if (run.epoch, None) == self._at:
            run.stop("enough")


def after_steps(count):
    net = model()
    trainer = net.trainer()
    parts = [p for e in range(3) for p in minibatches(30, 10, 0, e, shuffle=True)]
    for part in parts[:count]:
        trainer.step(X[part], T[part])
    return net


@pytest.mark.parametrize(("at", "epochs", "steps"), [((1, None), 2, 6), ((1, 2), 1, 5)])
def test_a_fit_is_stopped_after_an_epoch_or_a_step(at, epochs, steps):
    net, diary = model(), Diary()
    history = net.fit(X, T, epochs=3, batch_size=10, seed=0, callbacks=[StopAfter(*at), diary])
    assert len(history) == epochs
    assert history.stopped == "enough"
    assert diary.told[-2:] == [("end", "enough"), ("close",)]
    assert net.equals(after_steps(steps))
    assert model().fit(X, T, epochs=1).stopped is None


def test_stop_fit_ends_it_from_wherever_it_is_raised():
    class Raise(Callback):
        def on_batch_end(self, run):
            raise StopFit("now")

    net = model()
    history = net.fit(X, T, epochs=3, batch_size=10, seed=0, callbacks=[Raise()])
    assert (len(history), history.stopped) == (0, "now")
    assert net.equals(after_steps(1))


def test_an_error_comes_out_of_fit_and_everybody_lets_go():
    class Broken(Callback):
        def on_epoch_end(self, run):
            raise OSError("disk full")

    diary = Diary()
    with pytest.raises(OSError, match="disk full"):
        model().fit(X, T, callbacks=[diary, Broken()])
    assert diary.told[-1] == ("close",)
    assert ("end", None) not in diary.told
