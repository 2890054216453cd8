"""A fit that goes on from a checkpoint ends with the bits of one without interruption."""

import json

import numpy as np
import pytest
from support.training import batch, classifier, host

from mlpcore import MLP, Group, ModelFileError, ema, load_checkpoint, loss, optimizer, swa
from mlpcore.callbacks import (
    Callback,
    Checkpoint,
    CSVLog,
    EarlyStopping,
    LearningRateLog,
    ModelCheckpoint,
    ReduceOnPlateau,
)
from mlpcore.io import safetensors
from mlpcore.io.tree import put_together, taken_apart
from mlpcore.optim import schedules

EPOCHS, ROWS, BATCH = 5, 40, 8
X, T = batch(ROWS)


class Interruption(Exception):  # noqa: N818 - the name says what it is
    pass


class Interrupt(Callback):
    """Ends the fit as an error does: after a step, or at the end of an epoch for step 0."""

    after_others = True

    def __init__(self, epoch, step):
        self._at = epoch, step

    def on_batch_end(self, run):
        self._look(run.epoch, run.step)

    def on_epoch_end(self, run):
        self._look(run.epoch + 1, 0)

    def _look(self, *position):
        if position == self._at:
            raise Interruption


def curves(history):
    return [{k: v for k, v in values.items() if k != "seconds"} for values in history]


def interrupted(make, fit, path, at, *, steps=1, **options):
    """Fit with checkpoints until the position `at`, and go on in another model."""
    with pytest.raises(Interruption):
        fit(make(), more=[Checkpoint(path, steps=steps), Interrupt(*at)], **options)
    model = make()
    return model, fit(model, more=[Checkpoint(path, steps=steps)], resume_from=path, **options)


def check_same_end(make, fit, path, at, **options):
    straight = make()
    expected = fit(straight, **options)
    model, history = interrupted(make, fit, path, at, **options)
    assert model.equals(straight)
    assert repr(curves(history)) == repr(curves(expected))
    assert history.stopped == expected.stopped


def fit(model, *, more=(), callbacks=(), x=X, t=T, **options):
    given = {"epochs": EPOCHS, "batch_size": BATCH, "optimizer": "adam", "lr": 0.01}
    made = [make() for make in callbacks]
    return model.fit(x, t, callbacks=[*more, *made], progress=False, **(given | options))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.safetensors"


# Whatever a fit depends on.


@pytest.mark.parametrize("at", [(0, 1), (2, 3), (2, 5), (3, 0)])
def test_wherever_it_was_interrupted(device, path, at):
    check_same_end(lambda: classifier(device=device), fit, path, at)


OPTIONS = {
    "sgd": {"optimizer": "momentum", "l2": 0.01},
    "accumulation": {"accumulate": 3, "clip_norm": 0.5},
    "ema": {"average": ema(0.8), "validation_split": 0.2},
    "swa": {"average": swa(start=7, every=2)},
    "schedule": {"schedule": schedules.cosine(EPOCHS * 5), "l1": 0.01},
    "groups": {"groups": [Group("*.bias", lr_scale=2.0), Group("layers.0.*", frozen=True)]},
    "weights": {"class_weight": "balanced", "sample_weight": np.linspace(0.5, 2, ROWS)},
    "settings": {"optimizer": optimizer("adamw", weight_decay=0.1), "on_nan": "raise"},
    "metrics": {"metrics": ["accuracy", "top_2_accuracy", "f1_macro", "roc_auc"]},
    "steps": {"steps_per_epoch": 3, "shuffle": False},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_with_every_sort_of_option(device, path, name):
    check_same_end(lambda: classifier(device=device), fit, path, (1, 2), **OPTIONS[name])


def test_with_ignored_labels(device, path):
    t = np.where(np.arange(ROWS) % 3 == 0, -1, T)
    options = {"t": t, "loss": loss("cross_entropy", ignore_index=-1), "metrics": "roc_auc"}
    check_same_end(lambda: classifier(device=device), fit, path, (1, 2), **options)


@pytest.mark.parametrize("metrics", [["mae", "rmse", "r2"], lambda y, t: float(abs(y - t).max())])
def test_regression(device, path, metrics):
    t = X @ np.arange(8.0).reshape(4, 2)
    make = lambda: MLP([4, 6, 2], seed=1, device=device)  # noqa: E731
    check_same_end(make, fit, path, (1, 2), t=t, metrics=metrics, loss="huber")


def test_with_layers_that_draw_and_count(device, path):
    layers = {"norm": "batch", "dropout": 0.3, "input_noise": 0.1, "dtype": "float32"}
    check_same_end(lambda: classifier(device=device, **layers), fit, path, (2, 2))


class Counter(Callback):
    """A callback of a user's own, whose state changes what it does."""

    def __init__(self):
        self.seen = np.zeros(1, np.int64)

    def on_batch_end(self, run):
        self.seen = self.seen + 1
        run.trainer.lr = 0.01 / (1 + int(self.seen[0]) % 4)

    def state_dict(self):
        return {"seen": self.seen}

    def load_state(self, state):
        self.seen = state["seen"]


@pytest.mark.parametrize("at", [(1, 2), (3, 0)])
def test_callbacks_go_on_with_their_state(path, tmp_path, at):
    callbacks = [
        lambda: EarlyStopping("val_loss", patience=2, min_delta=0.02),
        lambda: ReduceOnPlateau("loss", patience=1, min_delta=1.0),
        lambda: ModelCheckpoint(tmp_path / "best.safetensors"),
        LearningRateLog,
        Counter,
    ]
    options = {"callbacks": callbacks, "validation_split": 0.25}
    check_same_end(classifier, fit, path, at, **options)


def test_a_fit_that_was_stopped_stays_stopped(path):
    callbacks = [lambda: EarlyStopping("loss", patience=1, min_delta=10.0)]
    straight, model = classifier(), classifier()
    expected = fit(straight, callbacks=callbacks)
    fit(classifier(), callbacks=callbacks, more=[Checkpoint(path)])
    history = fit(model, callbacks=callbacks, resume_from=path)
    assert history.stopped == expected.stopped is not None
    assert len(history) == len(expected) < EPOCHS
    assert model.equals(straight)


# Where the data come from.


@pytest.mark.parametrize("at", [(2, 3), (3, 0), (EPOCHS, 0)])
@pytest.mark.parametrize("source", ["arrays", "batches", "parts of passes"])
def test_statistics_of_the_average_are_taken_of_the_same_rows(path, monkeypatch, source, at):
    monkeypatch.setattr("mlpcore.training.fresh_statistics.MOST_ROWS", 11)
    monkeypatch.setattr("mlpcore.training.fresh_statistics.LEAST_ROWS", 2)

    def batches(epoch):
        order = np.random.default_rng(epoch).permutation(ROWS)
        return [(X[part], T[part]) for part in order.reshape(-1, BATCH)]

    options = {"average": ema(0.5), "validation_data": (X, T)}
    if source != "arrays":
        options |= {"x": batches, "t": None}
    if source == "parts of passes":
        options["steps_per_epoch"] = 4
    check_same_end(lambda: classifier(norm="batch"), fit, path, at, **options)


def test_from_a_memory_map(path, tmp_path):
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    check_same_end(classifier, fit, path, (2, 3), x=mapped)


@pytest.mark.parametrize("steps", [None, 3, 7])
def test_from_a_function_of_the_epoch(path, steps):
    def batches(epoch):
        for part in np.split(np.random.default_rng(epoch).permutation(ROWS), 5):
            yield X[part], T[part]

    check_same_end(classifier, fit, path, (2, 2), x=batches, t=None, steps_per_epoch=steps)


def test_from_a_list_of_batches(path):
    parts = [(X[i::5], T[i::5]) for i in range(5)]
    check_same_end(classifier, fit, path, (2, 2), x=parts, t=None)


def test_a_function_is_not_asked_for_the_epochs_that_are_over(path):
    asked = []

    def batches(epoch):
        asked.append(epoch)
        return [(X, T)]

    fit(classifier(), x=batches, t=None, epochs=2, more=[Checkpoint(path)])
    asked.clear()
    fit(classifier(), x=batches, t=None, epochs=4, resume_from=path)
    assert asked == [2, 3]


def test_an_iterator_is_given_anew_from_its_beginning(path):
    def endless():
        rng = np.random.default_rng(0)
        while True:
            part = rng.integers(0, ROWS, BATCH)
            yield X[part], T[part]

    straight, model = classifier(), classifier()
    fit(straight, x=endless(), t=None, steps_per_epoch=4)
    more = [Checkpoint(path, steps=1), Interrupt(1, 2)]
    with pytest.raises(Interruption):
        fit(classifier(), x=endless(), t=None, steps_per_epoch=4, more=more)
    fit(model, x=endless(), t=None, steps_per_epoch=4, resume_from=path)
    assert model.equals(straight)


# More than an interruption.


def test_it_may_go_on_for_longer_than_was_planned(path):
    straight, model = classifier(), classifier()
    fit(straight, epochs=6)
    fit(classifier(), epochs=2, more=[Checkpoint(path)])
    assert len(fit(model, epochs=6, resume_from=path)) == 6
    assert model.equals(straight)


def test_at_its_end_there_is_nothing_left_to_do(path):
    straight, model = classifier(), classifier(seed=9)
    expected = fit(straight, average=ema(0.5), more=[Checkpoint(path)], seed=0)
    history = fit(model, average=ema(0.5), resume_from=path, seed=0)
    assert curves(history) == curves(expected)
    assert np.array_equal(host(model(X)), host(straight(X)))


def test_watching_changes_no_bit(path):
    straight, model = classifier(), classifier()
    fit(straight)
    fit(model, more=[Checkpoint(path, steps=2)])
    assert model.equals(straight)


def test_the_log_has_each_epoch_once(path, tmp_path):
    log = tmp_path / "log.csv"
    watched = [Checkpoint(path, every=2), CSVLog(log), Interrupt(5, 0)]
    with pytest.raises(Interruption):
        fit(classifier(), more=watched, epochs=6)
    assert load_checkpoint(path).epoch == 4  # and the log has five
    fit(classifier(), more=[CSVLog(log)], resume_from=path, epochs=6)
    assert [line.split(",")[0] for line in log.read_text().split()] == ["epoch", *"123456"]


# What is in the file.


def test_it_is_a_model(path):
    model = classifier(norm="batch")
    fit(model, more=[Checkpoint(path)])
    assert MLP.load(path).equals(model)


def test_what_it_tells(path):
    model = classifier()
    with pytest.raises(Interruption):
        fit(model, more=[Checkpoint(path, steps=2), Interrupt(1, 3)])
    found = load_checkpoint(path)
    assert (found.epoch, found.step) == (1, 2)
    assert len(found.history) == 1
    assert found.network == model.network
    assert found.trainer["steps"] == 7
    assert "epoch 2, step 3" in repr(found)
    assert fit(classifier(), resume_from=found)  # as good as its path


def test_the_same_state_gives_the_same_bytes(path, tmp_path):
    def no_seconds(file):
        content = put_together(safetensors.read(file).training)
        for epoch in content["history"]:
            epoch["seconds"] = 0.0
        return taken_apart(content).text

    other = tmp_path / "other.safetensors"
    for file in (path, other):
        fit(classifier(), more=[Checkpoint(file)])
    assert no_seconds(path) == no_seconds(other)


# What does not fit.


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    found = tmp_path_factory.mktemp("made") / "run.safetensors"
    fit(classifier(), more=[Checkpoint(found)], callbacks=[Counter], epochs=2)
    return found


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch_size": 4}, "batch_size=8, but this one has batch_size=4"),
        ({"seed": 5}, "seed=0, but this one has seed=5"),
        ({"x": X[:-1], "t": T[:-1]}, "rows=40, but this one has rows=39"),
        ({"x": [(X, T)], "t": None}, "data='arrays', but this one has data='batches'"),
        ({"shuffle": False}, "shuffle=True, but this one has shuffle=False"),
        ({"optimizer": "sgd"}, "optimizer="),
        ({"optimizer": optimizer("adam", beta1=0.5)}, "optimizer="),
        ({"lr": 0.5}, r"lr=0.01, but this one has lr=0.5"),
        ({"l2": 0.5}, "l2=0.0, but this one has l2=0.5"),
        ({"loss": loss("cross_entropy", label_smoothing=0.1)}, "settings of the loss="),
        ({"accumulate": 2}, "accumulate=1, but this one has accumulate=2"),
        ({"average": ema(0.5)}, "average=None, but"),
        ({"schedule": lambda step: 1.0}, "schedule=None, but this one has schedule='a function'"),
        ({"validation_split": 0.1}, "rows=40, but this one has rows=36"),
        (
            {"validation_data": (X, T)},
            "validation_data=None, but this one has validation_data='given'",
        ),
        (
            {"metrics": ["f1_macro"]},
            r"metrics=\['accuracy'\], but this one has metrics=\['f1_macro'\]",
        ),
        ({"epochs": 1}, "goes on in epoch 3, but this fit has epochs=1"),
        ({"callbacks": ()}, "state of a callback Counter"),
    ],
)
def test_another_fit_is_refused_and_nothing_is_changed(made, options, words):
    model, before = classifier(seed=3), classifier(seed=3)
    given = {"callbacks": [Counter], "seed": 0} | options
    with pytest.raises(ValueError, match=words) as error:
        fit(model, resume_from=made, **given)
    assert str(made) in str(error.value)
    assert model.equals(before)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sizes": [4, 6, 3]}, "network 4-6-5-3.*but this model is 4-6-3"),
        ({"activation": "relu"}, "tanh.*but this model is 4-6-5-3 with .*relu"),
        ({"dtype": "float32"}, "float64 model, but this one is float32"),
    ],
)
def test_another_model_is_refused(made, changes, words):
    model = classifier(**changes)
    with pytest.raises(ValueError, match=words):
        fit(model, resume_from=made, callbacks=[Counter])
    assert model.equals(classifier(**changes))


def test_a_model_file_is_no_checkpoint(path):
    model = classifier()
    model.save(path)
    with pytest.raises(ModelFileError, match="a model without the state of a training"):
        fit(model, resume_from=path)


def test_a_file_that_is_missing(path):
    with pytest.raises(FileNotFoundError):
        fit(classifier(), resume_from=path)


@pytest.mark.parametrize("seed", range(30))
def test_a_damaged_file_is_refused(made, path, seed):
    content = bytearray(made.read_bytes())
    rng = np.random.default_rng(seed)
    if seed % 3 == 0:
        del content[int(rng.integers(len(content))) :]
    elif seed % 3 == 1:
        content[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
    else:
        content += b"\0"
    path.write_bytes(content)
    model = classifier(seed=3)
    with pytest.raises(ModelFileError, match=str(path)):
        fit(model, resume_from=path)
    assert model.equals(classifier(seed=3))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2}, r"format 2, but this version of mlpcore knows formats up to 1"),
        ({"format": "new"}, "training state is damaged"),
        ({"epoch": -1}, "training state is damaged"),
        ({"trainer": None}, "training state is damaged"),
        ({"callbacks": [1]}, "training state is damaged"),
        ({"settings": 3}, "training state is damaged"),
    ],
)
def test_another_version_is_refused_and_its_model_is_read(made, path, change, words):
    saved = safetensors.read(made)
    content = put_together(saved.training) | change
    safetensors.write(
        path, saved.network.config(), saved.values, {}, saved.seed, training=taken_apart(content)
    )
    with pytest.raises(ModelFileError, match=words):
        load_checkpoint(path)
    assert MLP.load(path).equals(MLP.load(made))


def test_nothing_in_it_is_pickled(made):
    text = safetensors.read(made).training.text
    assert json.loads(text)["format"] == 1
