"""Averages of the parameters along the way, against their recursions in NumPy."""

import threading

import numpy as np
import pytest
from support.training import batch, classifier, same, weights

from mlpcore import Group, ema, swa

X, T = batch()


def walk(model, steps, **options):
    """Return a trainer and the parameters after each of its steps."""
    trainer = model.trainer(**{"lr": 0.05} | options)
    path = []
    for _ in range(steps):
        trainer.step(X, T)
        path.append(weights(model))
    return trainer, path


def averaged(trainer, model):
    with trainer.averaged():
        return weights(model)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("options", [{}, {"clip_norm": 1.0}], ids=["at once", "in parts"])
def test_the_exponential_average_follows_its_recursion(device, decay, options):
    model = classifier(device=device)
    trainer, path = walk(model, 6, average=ema(decay), **options)
    expected = path[0]
    for p in path[1:]:
        expected = {name: decay * expected[name] + (1 - decay) * p[name] for name in p}
    found = averaged(trainer, model)
    for name, W in expected.items():
        np.testing.assert_allclose(found[name], W, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(("start", "every"), [(1, 1), (3, 1), (2, 3), (7, 5)])
def test_stochastic_weight_averaging_is_the_mean_of_the_chosen_steps(device, start, every):
    model = classifier(device=device)
    trainer, path = walk(model, 8, average=swa(start=start, every=every))
    taken = path[start - 1 :: every]
    found = averaged(trainer, model)
    for name in found:
        expected = np.mean([p[name] for p in taken], axis=0)
        np.testing.assert_allclose(found[name], expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("options", [{}, {"clip_norm": 1.0}], ids=["at once", "in parts"])
def test_keeping_an_average_leaves_the_bits_of_training(device, options):
    model, plain = classifier(device=device), classifier(device=device)
    walk(model, 4, average=ema(0.9), **options)
    walk(plain, 4, **options)
    assert same(weights(model), weights(plain))


def test_the_model_has_its_bits_back_and_goes_on_as_if_nothing_had_been(device):
    model, twin = classifier(device=device), classifier(device=device)
    trainer, path = walk(model, 3, average=swa(start=1))
    with trainer.averaged():
        inside = model.predict(X)
    assert same(weights(model), path[-1])
    trainer.step(X, T)
    walk(twin, 4, average=swa(start=1))
    assert same(weights(model), weights(twin))
    assert not np.array_equal(inside, model.predict(X))


def test_the_bits_come_back_after_an_error_too(device):
    model = classifier(device=device)
    trainer, path = walk(model, 2, average=ema(0.5))
    with pytest.raises(KeyError), trainer.averaged():
        raise KeyError
    assert same(weights(model), path[-1])
    trainer.step(X, T)


def test_predictions_in_the_block_are_those_of_the_average(device):
    model = classifier(device=device)
    trainer, _ = walk(model, 3, average=ema(0.5))
    held = averaged(trainer, model)
    other = classifier(device=device)
    other.set_parameters(held)
    with trainer.averaged():
        np.testing.assert_array_equal(model.predict(X), other.predict(X))


def test_apply_average_is_for_good(device):
    model = classifier(device=device)
    trainer, _ = walk(model, 3, average=swa(start=2))
    held = averaged(trainer, model)
    trainer.apply_average()
    assert same(weights(model), held)
    trainer.step(X, T)


def test_frozen_parameters_are_their_own_average(device):
    model = classifier(device=device)
    start = weights(model)
    groups = [Group("layers.0.*", frozen=True)]
    trainer, _ = walk(model, 5, average=ema(0.7), groups=groups)
    found = averaged(trainer, model)
    for name in ("layers.0.weight", "layers.0.bias"):
        np.testing.assert_array_equal(found[name], start[name])


def test_no_step_while_the_model_holds_its_average():
    model = classifier()
    trainer, path = walk(model, 2, average=ema(0.5))
    with trainer.averaged():
        for attempt in (
            lambda: trainer.step(X, T),
            trainer.apply_average,
            trainer.state_dict,
            lambda: trainer.averaged().__enter__(),
        ):
            with pytest.raises(RuntimeError, match="holds the average of its parameters"):
                attempt()
    assert same(weights(model), path[-1])


def test_no_average_is_a_clear_error():
    trainer = classifier().trainer()
    with pytest.raises(ValueError, match=r"no average is kept; ask for one with average=ema\(\)"):
        trainer.apply_average()
    trainer, _ = walk(classifier(), 2, average=swa(start=3))
    with pytest.raises(ValueError, match="holds nothing yet, after 2 updates"), trainer.averaged():
        pass


def test_an_average_is_taken_of_whole_steps_while_another_thread_writes():
    """All elements of a parameter that is set are equal, and so are those of any average of it."""
    model = classifier()
    zeros = {name: np.zeros_like(W) for name, W in weights(model).items()}
    groups = [Group("*", lr_scale=0.0)]
    trainer = model.trainer(optimizer="sgd", average=ema(0.5), groups=groups)
    done = threading.Event()

    def write():
        value = 0.0
        while not done.is_set():
            value += 1.0
            model.set_parameters({name: W + value for name, W in zeros.items()})

    thread = threading.Thread(target=write)
    model.set_parameters(zeros)
    thread.start()
    taken, refused = 0, []
    try:
        while taken < 20 and len(refused) < 2000:
            try:
                trainer.step(X, T)
                taken += 1
            except ValueError as error:
                refused.append(str(error))
    finally:
        done.set()
        thread.join()
    assert taken
    assert all("changed the parameters during this step" in words for words in refused)
    for name, W in averaged(trainer, model).items():
        assert np.ptp(W) == 0, name


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ema(1.0), "decay must be at least 0 and below 1"),
        (lambda: ema(-0.1), "decay must be at least 0 and below 1"),
        (lambda: ema("0.9"), "decay must be a number"),
        (lambda: swa(start=0), "start must be at least 1"),
        (lambda: swa(start=1, every=0), "every must be at least 1"),
        (lambda: classifier().trainer(average="ema"), r"average must be what ema\(\) or swa\(\)"),
    ],
)
def test_settings_out_of_range_are_refused(make, words):
    with pytest.raises((TypeError, ValueError), match=words):
        make()


@pytest.mark.parametrize("average", [ema(0.9), swa(start=3, every=2)])
def test_an_average_is_shown_as_it_is_made(average):
    assert eval(repr(average)) == average
