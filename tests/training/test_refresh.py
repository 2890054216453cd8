"""Running statistics taken anew: those of data under the parameters that are there now."""

import numpy as np
import pytest
from support.training import batch, classifier, same, weights

from mlpcore import ema

X, T = batch(40)


def statistics(model, i):
    values = model._bound.values()
    return values[f"layers.{i}.running_mean"], values[f"layers.{i}.running_variance"]


def normalized(device, **changes):
    model = classifier(device=device, norm="batch", **changes)
    trainer = model.trainer(lr=0.05, average=ema(0.5))
    for _ in range(5):
        trainer.step(X, T)
    return model, trainer


def test_they_are_mean_and_unbiased_variance_of_what_enters_each_normalisation(device):
    model, trainer = normalized(device)
    trainer.refresh_statistics(X)
    w, a = weights(model), X
    for i in range(2):
        z = a @ w[f"layers.{i}.weight"].T
        if f"layers.{i}.bias" in w:
            z = z + w[f"layers.{i}.bias"]
        mean, variance = statistics(model, i)
        np.testing.assert_allclose(mean, z.mean(0), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(variance, z.var(0, ddof=1), rtol=1e-10)
        n = (z - z.mean(0)) / np.sqrt(z.var(0) + 1e-5)
        a = np.tanh(w[f"layers.{i}.norm_scale"] * n + w[f"layers.{i}.norm_shift"])


def test_neither_old_statistics_nor_dropout_have_a_share_in_them(device):
    first, trainer = normalized(device)
    second = classifier(device=device, norm="batch", dropout=0.5, input_noise=1.0)
    second.set_parameters(weights(first))
    with second._bound.writing():
        second._bound.state.views["layers.0.running_mean"][...] = np.nan
    trainer.refresh_statistics(X)
    second.trainer().refresh_statistics(X)
    assert same(first._bound.values(), second._bound.values())


def test_they_can_be_those_of_the_average_and_go_away_with_it(device):
    model, trainer = normalized(device)
    before = model._bound.values()
    with trainer.averaged():
        trainer.refresh_statistics(X)
        inside = model._bound.values()
    assert same(model._bound.values(), before)
    trainer.apply_average()
    trainer.refresh_statistics(X)
    assert same(model._bound.values(), inside)


def test_parameters_stay_and_a_model_without_statistics_stays_whole(device):
    model, trainer = normalized(device)
    before = weights(model)
    trainer.refresh_statistics(X)
    assert same(weights(model), before)
    plain = classifier(device=device, standardize=True)
    before = plain._bound.values()
    plain.trainer().refresh_statistics(X)
    assert same(plain._bound.values(), before)


def test_data_that_do_not_fit_are_refused(device):
    model, trainer = normalized(device)
    before = model._bound.values()
    with pytest.raises(ValueError, match="statistics need 2 rows or more, got 1"):
        trainer.refresh_statistics(X[:1])
    with pytest.raises(ValueError, match="x must have the shape"):
        trainer.refresh_statistics(X[:, :3])
    assert same(model._bound.values(), before)
