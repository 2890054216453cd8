"""Losses and gradients that are no numbers: taken as they are, refused with a name, or left out."""

import numpy as np
import pytest
from support.training import batch, classifier, host, same, weights

from mlpcore import Group
from mlpcore.training.nonfinite import first_nonfinite

X, T = batch()
BAD = np.where(np.arange(12)[:, None] == 3, np.nan, X)


def test_by_default_a_step_returns_nan_as_it_is(device):
    model = classifier(device=device)
    assert np.isnan(float(model.trainer().step(BAD, T)))
    assert all(np.isnan(W).any() for W in weights(model).values())


@pytest.mark.parametrize("options", [{}, {"accumulate": 2}, {"clip_norm": 1.0}])
def test_skipped_batches_change_nothing_and_are_counted(device, options):
    model, twin = (classifier(device=device, norm="batch") for _ in range(2))
    trainer = model.trainer(on_nan="skip", **options)
    careless = twin.trainer(on_nan="skip", **options)
    for x in (X, BAD, X, BAD, X, X):
        J = float(host(trainer.step(x, T)))
        assert np.isnan(J) == (x is BAD)
    for _ in range(4):
        careless.step(X, T)
    assert (trainer.skipped, trainer.steps) == (2, careless.steps)
    assert same(model._bound.values(), twin._bound.values())


@pytest.mark.parametrize("options", [{}, {"accumulate": 2}, {"checkpoint_segments": 2}])
def test_so_are_batches_whose_variance_overflows(device, options):
    """By an infinite variance a normalisation makes all rows 0, and the objective is a number."""
    x = X.astype(np.float32)
    large = np.where(np.arange(12)[:, None] == 3, np.float32(3e38), x)
    model, twin = (classifier(device=device, norm="batch", dtype="float32") for _ in range(2))
    trainer = model.trainer(on_nan="skip", **options)
    careless = twin.trainer(on_nan="skip", **options)
    for rows in (x, large, x):
        J = float(host(trainer.step(rows, T)))
    assert np.isfinite(J)
    for _ in range(2):
        careless.step(x, T)
    assert (trainer.skipped, trainer.steps) == (1, careless.steps)
    assert same(model._bound.values(), twin._bound.values())
    words = r"layers\.0\.running_variance holds 6 inf among 6 elements; nothing was updated"
    with pytest.raises(FloatingPointError, match=words):
        model.trainer(on_nan="raise", **options).step(large, T)
    assert same(model._bound.values(), twin._bound.values())


def test_frozen_statistics_are_not_looked_at(device):
    """Where they are no numbers, it is no batch that made them so."""
    model = classifier(device=device, norm="batch")
    with model._bound.writing():
        model._bound.state.views["layers.0.running_variance"][...] = np.inf
    trainer = model.trainer(on_nan="skip", groups=[Group("layers.0.*", frozen=True)])
    trainer.step(X, T)
    assert (trainer.skipped, trainer.steps) == (0, 1)


def test_raising_names_the_input(device):
    model = classifier(device=device)
    before = weights(model)
    trainer = model.trainer(on_nan="raise")
    trainer.step(X, T)
    after_one = weights(model)
    with pytest.raises(
        FloatingPointError,
        match="in step 2 the objective is nan: x holds 4 NaN among 48 elements; nothing was upd",
    ):
        trainer.step(BAD, T)
    assert trainer.steps == 1
    assert same(weights(model), after_one)
    assert not same(before, after_one)


@pytest.mark.parametrize("activation", ["relu", "softplus"])
def test_raising_names_the_layer_that_overflows(device, activation):
    model = classifier(device=device, activation=activation, dtype="float32")
    model.parameters()["layers.1.weight"][...] = 3e38
    with pytest.raises(FloatingPointError, match=r"layers\.1\.z holds"):
        model.trainer(on_nan="raise").step(10 * np.abs(X), T)


def test_raising_names_a_gradient_where_the_way_forward_is_whole(device):
    """A loss of one's own whose value is a number and whose gradient is none."""
    model = classifier(device=device, output="identity")

    def own(z, t):
        return z.sum(), z * float("nan")

    with pytest.raises(FloatingPointError, match=r"gradient of layers\.2"):
        model.trainer(own, on_nan="raise").step(X, np.zeros((12, 3)))


def test_the_first_array_from_the_input_on_is_found(device):
    model = classifier(device=device, norm="batch")
    bound = model._bound
    trainer = model.trainer()
    assert trainer.first_nonfinite() is None
    assert trainer.first_nonfinite(X) is None
    model.parameters()["layers.2.bias"][0] = np.nan
    found = trainer.first_nonfinite()
    assert (found.name, found.layer, found.nan, found.inf) == ("layers.2.bias", 2, 1, 0)
    assert str(found) == "layers.2.bias holds 1 NaN among 3 elements"
    model.parameters()["layers.1.weight"][0, 0] = np.inf
    model.parameters()["layers.1.weight"][1, 0] = np.nan
    found = first_nonfinite(bound)
    assert str(found) == "layers.1.weight holds 1 NaN and 1 inf among 30 elements"
    found = trainer.first_nonfinite(BAD)
    assert (found.name, found.layer, found.nan) == ("x", None, 4)
    with bound.writing():
        bound.state.views["layers.0.running_mean"][1] = np.inf
    assert trainer.first_nonfinite().name == "layers.0.running_mean"


def test_a_layer_that_overflows_is_found_for_an_input(device):
    model = classifier(device=device, activation="relu", dtype="float32")
    model.parameters()["layers.1.weight"][...] = 3e38
    found = model.trainer().first_nonfinite(10 * np.abs(X))
    assert (found.name, found.layer) == ("layers.1.z", 1)


def test_looking_is_looking_at_the_width_too():
    with pytest.raises(ValueError, match="x must have the shape"):
        classifier().trainer().first_nonfinite(np.zeros((2, 7)))


def test_an_unknown_way_is_refused():
    with pytest.raises(ValueError, match="unknown on_nan 'stop'; known are ignore, raise, skip"):
        classifier().trainer(on_nan="stop")


def overflowing(**settings):
    """Return a model whose logits are no numbers where its input is about as large as can be."""
    model = classifier(dtype="float32", activation="relu", **settings)
    model.set_parameters({name: 10 * W for name, W in weights(model).items()})
    return model


def test_skipped_batches_are_as_if_they_were_not_there_in_the_curves():
    x = np.concatenate([X, X])
    x[13] = 3e38  # finite, but its logits are not
    t = np.concatenate([T, T])
    options = {"epochs": 2, "batch_size": 12, "shuffle": False}
    model, twin = overflowing(), overflowing()
    found = model.fit(x, t, on_nan="skip", **options)
    expected = twin.fit(X, T, on_nan="skip", **options)
    assert same(weights(model), weights(twin))
    for name in ("loss", "accuracy"):
        assert found[name] == expected[name]


def test_an_epoch_of_nothing_but_skipped_batches_has_no_values(device):
    model = overflowing(device=device)
    history = model.fit(np.full_like(X, 3e38), T, on_nan="skip", epochs=1, metrics="roc_auc")
    assert all(np.isnan(history[name]).all() for name in ("loss", "roc_auc"))
