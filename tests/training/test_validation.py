"""Held-out rows are drawn by the seed, by class, and never trained on."""

import numpy as np
import pytest

from mlpcore import MLP
from mlpcore.nn.losses import loss
from mlpcore.training.validation import split

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 4)).astype(np.float32)
T = np.repeat([0, 1, 2, 3], [40, 20, 12, 8])


def test_every_class_gives_its_share():
    kept, out = split(80, T, loss("cross_entropy"), 0.25, 3)
    assert sorted([*kept, *out]) == list(range(80))
    assert np.bincount(T[out]).tolist() == [10, 5, 3, 2]
    assert (np.diff(kept) > 0).all()
    one_hot = split(80, np.eye(4)[T], loss("cross_entropy"), 0.25, 3)
    assert one_hot[1].tolist() == out.tolist()
    binary = split(80, (T > 0)[:, None], loss("binary_cross_entropy"), 0.25, 3)[1]
    assert (T[binary] > 0).sum() == 10


def test_numbers_are_drawn_as_they_come():
    kept, out = split(80, X, loss("mse"), 0.1, 3)
    assert (len(kept), len(out)) == (72, 8)
    assert split(80, X, loss("mse"), 0.1, 3)[1].tolist() == out.tolist()
    assert split(80, X, loss("mse"), 0.1, 4)[1].tolist() != out.tolist()


@pytest.mark.parametrize("weights", [None, np.linspace(0, 1, 80)])
def test_a_split_is_two_sets_of_rows(weights):
    def model():
        return MLP([4, 6, 4], output="softmax", seed=1)

    net, twin = model(), model()
    found = net.fit(X, T, epochs=2, validation_split=0.25, seed=5, sample_weight=weights)
    kept, out = split(80, T, loss("cross_entropy"), 0.25, 5)
    given, held = (None, None) if weights is None else (weights[kept], weights[out])
    data = (X[out], T[out]) if held is None else (X[out], T[out], held)
    expected = twin.fit(
        X[kept], T[kept], epochs=2, seed=5, sample_weight=given, validation_data=data
    )
    assert net.equals(twin)
    assert found["val_loss"] == expected["val_loss"]


def test_the_average_is_validated_and_is_the_model_at_the_end():
    from mlpcore.training.averaging import ema

    net, plain = (MLP([4, 6, 4], output="softmax", seed=1) for _ in range(2))
    options = {"epochs": 3, "validation_data": (X, T), "seed": 0}
    history = net.fit(X, T, average=ema(0.9), **options)
    assert history["val_loss"][-1] == net.evaluate(X, T)["loss"]
    assert history["loss"] == plain.fit(X, T, **options)["loss"]
    assert not net.equals(plain)
