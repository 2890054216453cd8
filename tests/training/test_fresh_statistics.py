"""The average that a fit ends with has running statistics of its own, from wherever rows come."""

import signal

import numpy as np
import pytest
from support.training import batch, classifier, same, weights

from mlpcore import MLP, Group, Trainer, ema, swa
from mlpcore.callbacks import Callback, Checkpoint, EarlyStopping
from mlpcore.program import lower
from mlpcore.training import fresh_statistics

X, T = batch(60)
FIT = {"epochs": 3, "batch_size": 20, "lr": 0.05, "seed": 0}


def normalized(device="cpu", **changes):
    return classifier(device=device, norm="batch", **changes)


def of_its_data(model, x=X, **options):
    """Return parameters and state of a model with the same parameters and statistics of `x`."""
    other = model.copy()
    other.trainer(**options).refresh_statistics(x)
    return other._bound.values()


def state(model):
    return {n: v for n, v in model._bound.values().items() if "running" in n}


@pytest.mark.parametrize("average", [ema(0.8), swa(start=4)])
def test_the_average_normalises_by_the_data_that_it_has_been_trained_on(device, average):
    model = normalized(device)
    model.fit(X, T, average=average, **FIT)
    assert same(model._bound.values(), of_its_data(model))


def test_the_average_that_is_validated_does_so_too(device):
    """What is validated is what the fit would have ended with there."""
    model, shorter = normalized(device), normalized(device)
    history = model.fit(X, T, average=ema(0.8), validation_data=(X, T), **FIT)
    for epochs, values in enumerate(history, 1):
        shorter = normalized(device)
        shorter.fit(X, T, average=ema(0.8), **FIT | {"epochs": epochs})
        assert shorter.evaluate(X, T)["loss"] == values["val_loss"]


def test_the_best_average_is_restored_with_its_statistics(device):
    model = normalized(device)
    stopping = EarlyStopping(patience=1, min_delta=1e9)  # the first epoch stays the best
    model.fit(X, T, average=ema(0.8), validation_data=(X, T), callbacks=stopping, **FIT)
    shorter = normalized(device)
    shorter.fit(X, T, average=ema(0.8), **FIT | {"epochs": 1})
    assert stopping.best_epoch == 0
    assert same(model._bound.values(), shorter._bound.values())


def test_looking_at_the_average_changes_no_bit_of_training(device):
    class Note(Callback):
        def __init__(self):
            self.seen = []

        def on_epoch_end(self, run):
            self.seen.append(run.trainer.bound.values())

    plain, averaged = Note(), Note()
    normalized(device).fit(X, T, callbacks=plain, **FIT)
    given = {"average": ema(0.8), "validation_data": (X, T)}
    normalized(device).fit(X, T, callbacks=averaged, **given, **FIT)
    assert all(same(a, b) for a, b in zip(plain.seen, averaged.seen, strict=True))


def test_rows_are_taken_wherever_they_come_from(device, tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, X)
    parts = [(X[i : i + 20], T[i : i + 20]) for i in (0, 20, 40)]
    fit = FIT | {"shuffle": False, "average": swa(start=2)}
    sources = {
        "arrays": (X, T),
        "mapped": (np.load(path, mmap_mode="r"), T),
        "list": (parts,),
        "function": (lambda: iter(parts),),
    }
    for name, given in sources.items():
        model = normalized(device)
        model.fit(*given, **fit)
        assert same(model._bound.values(), of_its_data(model)), name


def test_of_more_rows_than_are_needed_some_are_drawn(device, monkeypatch):
    monkeypatch.setattr(fresh_statistics, "MOST_ROWS", 16)
    monkeypatch.setattr(fresh_statistics, "LEAST_ROWS", 2)
    rows = []
    monkeypatch.setattr(
        fresh_statistics, "refresh_statistics", lambda bound, x, frozen, finite: rows.append(x)
    )
    for given in ((X, T), ([(X[i : i + 20], T[i : i + 20]) for i in (0, 20, 40)],)):
        normalized(device).fit(*given, average=ema(0.5), **FIT)
    known = {tuple(row) for row in X.tolist()}
    for found in rows:
        assert found.shape == (16, 4)
        assert len(known & {tuple(row) for row in found.tolist()}) == 16
    assert len(rows) == 2


def test_wide_networks_take_fewer_rows():
    def rows(*sizes):
        return fresh_statistics.rows_for_statistics(lower(classifier(sizes=sizes).network))

    assert rows(4, 6, 3) == 8192
    assert rows(8, 4096, 3) == 4096
    assert rows(20_000, 2, 3) == 2**24 // 20_000


def test_statistics_that_are_frozen_stay_and_are_used(device):
    groups = [Group("layers.0.*", frozen=True)]
    model = normalized(device)
    before = state(model)
    before["layers.0.running_mean"] += 0.25
    model._bound.assign(before)
    model.fit(X, T, average=ema(0.8), groups=groups, **FIT)
    for name in ("layers.0.running_mean", "layers.0.running_variance"):
        np.testing.assert_array_equal(state(model)[name], before[name])
    w = weights(model)
    z = X @ w["layers.0.weight"].T + w.get("layers.0.bias", 0)
    n = (z - 0.25) / np.sqrt(1 + 1e-5)
    a = np.tanh(w["layers.0.norm_scale"] * n + w["layers.0.norm_shift"])
    z = a @ w["layers.1.weight"].T + w.get("layers.1.bias", 0)
    np.testing.assert_allclose(state(model)["layers.1.running_mean"], z.mean(0), rtol=1e-10)
    assert same(model._bound.values(), of_its_data(model, groups=groups))


def test_rows_that_steps_left_out_spoil_no_statistics(device):
    """Their square overflows: so the statistics stay those of the steps."""
    x = X.astype(np.float32)
    x[7] = 3e38
    model, steps = (normalized(device, dtype="float32") for _ in range(2))
    given = FIT | {"on_nan": "skip", "validation_data": (X, T)}
    history = model.fit(x, T, average=ema(0.9), **given)
    steps.fit(x, T, **given)
    assert np.isfinite(history["val_loss"]).all()
    assert same(state(model), state(steps))
    assert all(np.isfinite(values).all() for values in state(model).values())


def test_ctrl_c_does_not_part_the_average_from_its_statistics(device, monkeypatch):
    plain, interrupted = normalized(device), normalized(device)
    plain.fit(X, T, average=ema(0.8), **FIT)
    apply = Trainer.apply_average

    def apply_and_interrupt(trainer):
        apply(trainer)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Trainer, "apply_average", apply_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        interrupted.fit(X, T, average=ema(0.8), **FIT)
    assert same(interrupted._bound.values(), plain._bound.values())


PARTS = [(X[i : i + 15], T[i : i + 15]) for i in (0, 15, 30, 45)]


def test_nor_does_an_error_of_the_batches_that_rows_are_taken_of(device, tmp_path):
    """A fit that is resumed behind its last step goes through them for nothing else."""

    def broken():
        raise KeyError("gone")

    path = tmp_path / "run.safetensors"
    normalized(device).fit(PARTS, average=ema(0.8), epochs=1, callbacks=Checkpoint(path))
    model = normalized(device)
    with pytest.raises(KeyError, match="gone"):
        model.fit(broken, average=ema(0.8), epochs=1, resume_from=path)
    assert same(model._bound.values(), MLP.load(path, device=device)._bound.values())


@pytest.mark.parametrize(
    ("batches", "options", "stop"),
    [
        (lambda: PARTS, {"epochs": 3, "steps_per_epoch": 3}, (1, 2)),
        (lambda: PARTS, {"epochs": 3, "steps_per_epoch": 5}, (1, 3)),
        (lambda: PARTS, {"epochs": 3}, (1, 2)),
        (lambda: iter(PARTS), {"epochs": 1}, (0, 2)),
        (lambda: iter(3 * PARTS), {"epochs": 3, "steps_per_epoch": 4}, (2, 3)),
    ],
    ids=["shorter than a pass", "longer than a pass", "passes", "one pass", "iterator"],
)
def test_looking_as_soon_as_a_fit_goes_on_takes_no_batch_away(tmp_path, batches, options, stop):
    class Interrupt(Callback):
        def on_batch_end(self, run):
            if (run.epoch, run.step) == stop:
                raise InterruptedError

    class Look(Callback):
        def on_epoch_begin(self, run):
            with run.as_validated():
                pass

    path = tmp_path / "run.safetensors"
    given = {"average": ema(0.8), "lr": 0.05, "seed": 0} | options
    whole, resumed = normalized(), normalized()
    whole.fit(batches(), callbacks=Look(), **given)
    watching = [Checkpoint(path, steps=1), Look(), Interrupt()]
    with pytest.raises(InterruptedError):
        normalized().fit(batches(), callbacks=watching, **given)
    resumed.fit(batches(), callbacks=Look(), resume_from=path, **given)
    assert same(resumed._bound.values(), whole._bound.values())


def test_without_an_average_statistics_are_those_of_the_steps(device):
    model = normalized(device)
    model.fit(X, T, **FIT)
    assert not same(model._bound.values(), of_its_data(model))
