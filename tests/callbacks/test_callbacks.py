"""Each callback does what it says."""

import csv
import json
import re
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest

from mlpcore import MLP
from mlpcore.callbacks import (
    Callback,
    CSVLog,
    EarlyStopping,
    LearningRateLog,
    ModelCheckpoint,
    ReduceOnPlateau,
    StopOnNaN,
    TensorBoard,
)
from mlpcore.io.safetensors import read_metadata
from mlpcore.training import metric

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
T = (X[:, 0] > 0).astype(np.int64)


def model():
    return MLP([3, 4, 2], output="softmax", seed=0)


class Curve(Callback):
    """Puts values of its own into the place of a curve, and keeps the model of each epoch."""

    def __init__(self, values, name="val_loss"):
        self._values, self._name, self.models = values, name, []

    def on_epoch_end(self, run):
        run.logs[self._name] = self._values[run.epoch]
        self.models.append(run.model.copy())


def fit(values, *callbacks, name="val_loss", **options):
    net, curve = model(), Curve(values, name)
    options = {"validation_data": (X, T), "epochs": len(values)} | options
    history = net.fit(X, T, callbacks=[curve, *callbacks], **options)
    return net, history, curve.models


def test_early_stopping_stops_after_its_patience_and_restores_the_best():
    stopping = EarlyStopping(patience=2)
    net, history, models = fit([3, 2, 1, 1, 2, 0, 0], stopping)
    assert len(history) == 5
    assert history.stopped == "val_loss was no better than 1 in epoch 3 for 2 epochs"
    assert (stopping.best, stopping.best_epoch) == (1, 2)
    assert net.equals(models[2])
    net, _, models = fit([3, 2, 1, 1, 2], EarlyStopping(patience=2, restore_best=False))
    assert net.equals(models[-1])


def test_early_stopping_restores_the_best_also_where_it_did_not_stop():
    net, history, models = fit([3, 1, 2], EarlyStopping(patience=5))
    assert history.stopped is None
    assert net.equals(models[1])


@pytest.mark.parametrize(
    ("name", "mode", "values", "best"),
    [
        ("val_accuracy", "auto", [0.1, 0.9, 0.5, 0.95], 3),
        ("accuracy", "min", [0.1, 0.9, 0.5, 0.95], 0),
        ("loss", "auto", [np.nan, 2, np.nan, 3], 1),
    ],
)
def test_which_values_are_better(name, mode, values, best):
    stopping = EarlyStopping(name, mode=mode)
    fit(values, stopping, name=name)
    assert stopping.best_epoch == best


def test_a_better_value_is_better_by_min_delta():
    stopping = EarlyStopping(patience=3, min_delta=0.5)
    fit([3, 2.6, 2.4, 2.1], stopping)
    assert stopping.best_epoch == 2


def test_without_any_number_it_says_so():
    _, history, _ = fit([np.nan] * 4, EarlyStopping(patience=2))
    assert history.stopped == "val_loss was no better for 2 epochs"


@pytest.mark.parametrize(
    "make", [EarlyStopping, ReduceOnPlateau, lambda m: ModelCheckpoint("m", m)]
)
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("val_loss", "there are loss, accuracy, own; give validation_data or validation_split"),
        ("f1", "there is no curve 'f1' to monitor; there are loss, accuracy, own"),
        ("own", "give mode='min' or mode='max'"),
    ],
)
def test_a_curve_that_will_not_be_there_is_refused_before_any_work(make, name, words):
    net = model()
    own = metric(lambda y, t: 0.0, name="own")
    with pytest.raises(ValueError, match=words):
        net.fit(X, T, metrics=["accuracy", own], callbacks=[make(name)])
    assert net.equals(model())


def test_reduce_on_plateau_multiplies_the_rate():
    plateau = ReduceOnPlateau(factor=0.5, patience=2, min_lr=0.3)
    _, history, _ = fit([3, 3, 3, 3, 3, 2, 2, 2], plateau, LearningRateLog(), lr=1.0)
    assert history["lr"] == [1, 1, 0.5, 0.5, 0.3, 0.3, 0.3, 0.3]
    plateau = ReduceOnPlateau(factor=0.5, patience=1, cooldown=2)
    _, history, _ = fit([3] * 7, plateau, LearningRateLog(), lr=1.0)
    assert history["lr"] == [1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]


def test_the_rate_that_is_logged_is_that_of_the_schedule():
    _, history, _ = fit([1, 1], LearningRateLog(), lr=2.0, schedule=lambda step: 1 / (1 + step))
    assert history["lr"] == [2 / 3, 2 / 5]  # two steps an epoch


@pytest.mark.parametrize("make", [EarlyStopping, ReduceOnPlateau])
def test_a_callback_goes_on_from_its_state(make):
    values = [3, 2, 4, 4, 4, 4, 4]
    whole, part, rest = (make(patience=3) for _ in range(3))
    run = SimpleNamespace(
        names=("val_loss",),
        metrics=(),
        stopped=None,
        trainer=SimpleNamespace(lr=1.0, bound=model()._bound),
        as_validated=nullcontext,
    )
    run.stop = lambda reason: setattr(run, "stopped", reason)

    def tell(callback, epochs):
        for epoch in epochs:
            if run.stopped is None:
                run.epoch, run.logs = epoch, {"val_loss": values[epoch]}
                callback.on_epoch_end(run)
        return run.stopped, run.trainer.lr, epoch

    whole.on_begin(run)
    expected = tell(whole, range(7))
    run.stopped, run.trainer.lr = None, 1.0
    part.on_begin(run)
    tell(part, range(3))
    state = part.state_dict()
    plain = {k: v for k, v in state.items() if not isinstance(v, np.ndarray)}
    rest.on_begin(run)
    rest.load_state(state | json.loads(json.dumps(plain)))
    assert tell(rest, range(3, 7)) == expected


def test_csv_log_writes_what_the_history_has(tmp_path):
    path = tmp_path / "log.csv"
    _, history, _ = fit([3.0, 2.0, 1.0], CSVLog(path))
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["loss"]) for row in rows] == history["loss"]
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    fit([3.0], CSVLog(path, append=True))
    assert len(path.read_text().splitlines()) == 5
    with pytest.raises(ValueError, match="has the columns epoch, loss, accuracy, val_loss"):
        model().fit(X, T, epochs=1, callbacks=[CSVLog(path, append=True)])
    with pytest.raises(FileNotFoundError):
        model().fit(X, T, epochs=1, callbacks=[CSVLog(tmp_path / "no" / "log.csv")])


def test_model_checkpoint_holds_the_best_model(tmp_path):
    path = tmp_path / "best.safetensors"
    saving = ModelCheckpoint(path)
    _, _, models = fit([3, 1, 2], saving)
    assert MLP.load(path).equals(models[1])
    assert saving.best == 1
    assert read_metadata(path) == {"epoch": "2", "val_loss": "1.0"}
    with pytest.raises(FileNotFoundError, match=re.escape("there is no folder")):
        fit([1], ModelCheckpoint(tmp_path / "no" / "best.safetensors"))


def test_tensor_board_gets_training_and_validation_under_one_tag(monkeypatch, tmp_path):
    written = []

    class SummaryWriter:
        def __init__(self, logdir):
            self._part = logdir.rpartition("/")[2]

        def add_scalar(self, tag, value, step):
            written.append((self._part, tag, value, step))

        def flush(self):
            pass

        def close(self):
            written.append((self._part, "closed"))

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    monkeypatch.setitem(sys.modules, "tensorboardX", SimpleNamespace(SummaryWriter=SummaryWriter))
    _, history, _ = fit([3.0, 2.0], TensorBoard(tmp_path))
    assert ("train", "loss", history[0]["loss"], 1) in written
    assert ("validation", "loss", 2.0, 2) in written
    assert sorted(written[-2:]) == [("train", "closed"), ("validation", "closed")]


def test_without_a_writer_tensor_board_says_what_to_install(monkeypatch, tmp_path):
    for name in ("torch.utils.tensorboard", "tensorboardX"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match="pip install tensorboardX"):
        fit([1], TensorBoard(tmp_path))


def test_stop_on_nan_names_the_layer_and_leaves_the_model_before_the_step():
    x = np.abs(X) + 1
    net = MLP([3, 4, 4, 2], "relu", output="softmax", seed=0)
    net.parameters()["layers.1.weight"][2] = 3e38
    before = net.copy()
    with pytest.warns(RuntimeWarning, match=r"layers\.1\.z holds .*inf") as found:
        history = net.fit(x, T, epochs=2, callbacks=[StopOnNaN()], validation_data=(x, T))
    assert len(found) == 1
    assert "in step 1 of epoch 1" in history.stopped
    assert net.equals(before)
    assert net._bound.watchers == []


def test_stop_on_nan_sees_a_loss_that_is_nan_of_finite_logits():
    def wrong(z, t):
        return np.nan, np.zeros_like(z)

    net = MLP([3, 4, 2], seed=0)
    with pytest.warns(RuntimeWarning, match="the loss is nan, of finite logits"):
        history = net.fit(X, X[:, :2], loss=wrong, callbacks=[StopOnNaN()])
    assert len(history) == 0


def test_stop_on_nan_changes_no_bit_of_a_fit_that_is_sound():
    net, twin = model(), model()
    net.fit(X, T, epochs=3, callbacks=[StopOnNaN()])
    twin.fit(X, T, epochs=3)
    assert net.equals(twin)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: EarlyStopping(patience=0), "patience must be at least 1"),
        (lambda: EarlyStopping(min_delta=-1), "min_delta must not be negative"),
        (lambda: EarlyStopping(mode="mix"), "unknown mode 'mix'; known are auto, min, max"),
        (lambda: ReduceOnPlateau(factor=1.0), "factor must be below 1"),
        (lambda: ReduceOnPlateau(cooldown=-1), "cooldown must be at least 0"),
    ],
)
def test_arguments_out_of_range_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_one_callback_and_none_may_stand_for_a_list():
    log = LearningRateLog()
    assert model().fit(X, T, epochs=1, callbacks=log)["lr"] == [0.001]
    assert len(model().fit(X, T, epochs=1, callbacks=None)) == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (3, "sequence of Callback, got int"),
        ([lambda run: None], "sequence of Callback, got <function"),
        ([LearningRateLog], "LearningRateLog is the class, make one of it"),
    ],
)
def test_what_is_no_callback_is_refused_before_any_work(given, words):
    net = model()
    with pytest.raises(TypeError, match=words):
        net.fit(X, T, callbacks=given)
    assert net.equals(model())
