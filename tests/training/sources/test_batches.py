"""Batches that the user makes are checked as they come, and an error leaves the last whole step."""

import itertools
import re

import numpy as np
import pytest

from mlpcore import MLP

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
T = (X[:, 0] > 0).astype(np.int64)
BATCHES = [(X[i : i + 20], T[i : i + 20]) for i in (0, 20, 40)]
FIT = {"optimizer": "sgd", "lr": 0.1, "shuffle": False}


def model():
    return MLP([4, 6, 2], output="softmax", seed=0)


def of_arrays(epochs, rows=60):
    net = model()
    net.fit(X[:rows], T[:rows], epochs=epochs, batch_size=20, **FIT)
    return net


@pytest.mark.parametrize(
    "batches",
    [
        BATCHES,
        lambda: iter(BATCHES),
        lambda epoch: (batch for batch in BATCHES),
        [(x, t, np.ones(20)) for x, t in BATCHES],
        [[x, t] for x, t in BATCHES],
    ],
    ids=["list", "function", "function of the epoch", "weighted", "pairs as lists"],
)
def test_batches_are_trained_on_as_the_same_rows_of_arrays(batches):
    net = model()
    history = net.fit(batches, epochs=2, **FIT)
    assert len(history) == 2
    for name, value in net.parameters().items():
        np.testing.assert_allclose(value, of_arrays(2).parameters()[name], rtol=1e-5, atol=1e-7)


def test_a_function_is_told_which_pass_it_is():
    asked = []
    model().fit(lambda epoch: asked.append(epoch) or BATCHES, epochs=3, **FIT)
    assert asked == [0, 1, 2]


def test_an_epoch_of_so_many_steps_goes_on_where_the_last_one_stopped():
    net = model()
    net.fit(itertools.cycle(BATCHES), epochs=3, steps_per_epoch=2, **FIT)
    assert net.equals(of_arrays(2))
    net = model()
    net.fit(BATCHES, epochs=2, steps_per_epoch=3, **FIT)
    assert net.equals(of_arrays(2))


def test_batches_are_evaluated_as_one():
    net = model()
    assert net.evaluate(BATCHES) == net.evaluate(X, T)
    history = net.fit(BATCHES, epochs=2, validation_data=lambda: iter(BATCHES), **FIT)
    assert history["val_loss"][-1] == net.evaluate(X, T)["loss"]


def test_weights_that_only_some_batches_have_are_one_elsewhere():
    weights = np.r_[np.full(20, 3.0), np.ones(40)]
    mixed = [(*BATCHES[0], weights[:20]), *BATCHES[1:]]
    assert model().evaluate(mixed) == model().evaluate(X, T, sample_weight=weights)


def test_an_iterator_for_more_epochs_than_one_is_refused_before_any_work():
    with pytest.raises(ValueError, match="an iterator can be gone through once, not in 2 epochs"):
        model().fit(iter(BATCHES), epochs=2)
    with pytest.raises(ValueError, match=r"^validation_data: an iterator can be gone"):
        model().fit(X, T, epochs=2, validation_data=iter(BATCHES))
    assert len(model().fit(iter(BATCHES), epochs=1)) == 1


def test_an_iterator_that_ends_early_is_an_error_and_the_last_step_stays():
    net = model()
    words = "epoch 2: x gave 3 batches and no more, with 2 wanted for each epoch"
    with pytest.raises(ValueError, match=words):
        net.fit(iter(BATCHES), epochs=2, steps_per_epoch=2, **FIT)
    assert net.equals(of_arrays(1))


class Once:
    """An iterable that has forgotten its batches the second time."""

    def __init__(self):
        self._left = iter(BATCHES)

    def __iter__(self):
        return (batch for batch in self._left)


def test_an_iterable_that_is_empty_the_second_time_is_an_error():
    with pytest.raises(ValueError, match="epoch 2: x gave no batches; a function that returns"):
        model().fit(Once(), epochs=2, **FIT)
    with pytest.raises(ValueError, match="epoch 1: x gave no batches"):
        model().fit([], epochs=1)


def test_an_error_of_a_generator_leaves_the_last_whole_step_and_says_where():
    def broken():
        yield from BATCHES[:2]
        raise KeyError("image 7")

    net = model()
    with pytest.raises(KeyError, match="image 7") as error:
        net.fit(broken, epochs=2, **FIT)
    assert error.value.__notes__ == ["raised while making batch 3 of epoch 1"]
    assert net.equals(of_arrays(1, rows=40))


@pytest.mark.parametrize(
    ("batch", "error", "words"),
    [
        ((X[:5, :3], T[:5]), ValueError, "x must have the shape (..., 4)"),
        ((X[:5], T[:4]), ValueError, "t must begin with (5,)"),
        ((X[:5], T[:5] + 2), ValueError, "is not a class"),
        ((X[:0], T[:0]), ValueError, "x has no rows"),
        ((np.full((5, 4), np.nan), T[:5]), ValueError, "x has nan in row 0, column 0"),
        (X[:5], TypeError, "expected (x, t) or (x, t, sample_weight), got ndarray"),
        ((X[:5],), TypeError, "got 1 things"),
    ],
)
def test_a_batch_that_does_not_fit_is_named_and_the_steps_before_it_stay(batch, error, words):
    net = model()
    with pytest.raises(error, match=f"^batch 3 of epoch 1: .*{re.escape(words)}"):
        net.fit([*BATCHES[:2], batch], epochs=2, **FIT)
    assert net.equals(of_arrays(1, rows=40))


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"x": 3}, TypeError, r"x without t must be an iterable of batches .* got int"),
        ({"x": lambda: 3}, TypeError, "must return an iterable of batches"),
        ({"x": X}, TypeError, "t is missing"),
        ({"sample_weight": np.ones(3)}, ValueError, "sample_weight goes with arrays"),
        ({"validation_split": 0.5}, ValueError, "validation_split divides arrays"),
        ({"class_weight": "balanced"}, ValueError, "counts the labels of arrays"),
        ({"steps_per_epoch": 0}, ValueError, "steps_per_epoch must be at least 1"),
    ],
)
def test_what_does_not_go_with_batches_is_refused(changes, error, words):
    with pytest.raises(error, match=words):
        model().fit(**({"x": BATCHES} | changes))
