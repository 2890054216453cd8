"""What a trainer remembers goes into a flat mapping and back, and the run goes on with its bits."""

import copy
import json
import pickle

import numpy as np
import pytest
from support.training import batch, classifier, same, weights

from mlpcore import Group, ema, optimizer, swa

X, T = batch()

RUNS = {
    "adam": {"optimizer": "adam"},
    "sgd": {"optimizer": "sgd"},
    "momentum": {"optimizer": "momentum", "l2": 0.1},
    "schedule": {"schedule": lambda step: 1 / (1 + step)},
    "in parts": {"clip_norm": 0.1, "l1": 0.01, "groups": [Group("*.bias", lr_scale=2.0)]},
    "accumulated": {"accumulate": 3, "optimizer": "nesterov"},
    "ema": {"average": ema(0.8)},
    "swa": {"average": swa(start=2, every=2), "accumulate": 2},
}


def steps(trainer, numbers):
    for number in numbers:
        rows = slice(number % 3 * 4, number % 3 * 4 + 4)
        trainer.step(X[rows], T[rows])


@pytest.mark.parametrize("options", RUNS.values(), ids=list(RUNS))
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_continued_run_has_the_bits_of_an_uninterrupted_one(device, options, dropout):
    given = {"lr": 0.05} | options
    whole = classifier(device=device, dtype="float32", dropout=dropout)
    trainer = whole.trainer(**given)
    steps(trainer, range(11))

    first = classifier(device=device, dtype="float32", dropout=dropout)
    before = first.trainer(**given)
    steps(before, range(5))
    state, parameters = before.state_dict(), weights(first)
    steps(before, range(2))  # nothing of it reaches the state

    second = classifier(device=device, dtype="float32", dropout=dropout)
    after = second.trainer(**given)
    second.set_parameters(parameters)
    after.load_state(state)
    steps(after, range(5, 11))
    assert same(weights(second), weights(whole))
    for name, value in trainer.state_dict().items():
        np.testing.assert_array_equal(after.state_dict()[name], value, err_msg=name)


def test_the_rate_and_the_seed_are_part_of_the_state():
    trainer = classifier().trainer(lr=0.05, seed=7)
    trainer.lr = 0.0125
    other = classifier().trainer(lr=0.5)
    other.load_state(trainer.state_dict())
    assert other.lr == 0.0125
    assert other.state_dict()["seed"] == 7


@pytest.mark.parametrize("options", RUNS.values(), ids=list(RUNS))
def test_a_state_is_arrays_of_the_host_and_what_json_holds(device, options):
    trainer = classifier(device=device).trainer(**options)
    steps(trainer, range(4))
    state = trainer.state_dict()
    arrays = {name: v for name, v in state.items() if isinstance(v, np.ndarray)}
    plain = {name: v for name, v in state.items() if name not in arrays}
    assert json.loads(json.dumps(plain)) == plain
    assert all(name.startswith(("moments.", "average.", "accumulated.")) for name in arrays)
    assert {a.dtype for a in arrays.values()} <= {np.dtype("float64")}


def test_a_state_read_from_json_and_from_another_device_fits(device):
    trainer = classifier(device=device).trainer(average=ema(0.5), accumulate=2)
    steps(trainer, range(5))
    state = trainer.state_dict()
    read = {
        name: v if isinstance(v, np.ndarray) else json.loads(json.dumps(v))
        for name, v in state.items()
    }
    other = classifier().trainer(average=ema(0.5), accumulate=2)
    other.load_state(read)
    again = other.state_dict()
    assert again.keys() == state.keys()
    for name, value in state.items():
        np.testing.assert_array_equal(again[name], value)


def broken(change):
    """Return a state of a trainer with momentum after two steps, changed."""
    trainer = classifier().trainer(optimizer="momentum", average=ema(0.5))
    steps(trainer, range(2))
    state = trainer.state_dict()
    change(state)
    return state


def put(**values):
    return lambda state: state.update({k.replace("__", "."): v for k, v in values.items()})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            put(moments__v__layers__1__weight=np.zeros((2, 6))),
            r"moments.v.layers.1.weight has shape \(2, 6\), but layers.1.weight .* \(5, 6\)",
        ),
        (
            put(average__layers__0__bias=np.zeros(6, "float32")),
            "average.layers.0.bias has dtype float32, but the model float64",
        ),
        (lambda s: s.pop("moments.v.layers.0.bias"), "has no 'moments.v.layers.0.bias'"),
        (lambda s: s.pop("steps"), "has no 'steps'"),
        (put(moments__v__layers__9__bias=np.zeros(3)), "'moments.v.layers.9.bias', which this"),
        (put(steps=-1), "steps must be at least 0"),
        (put(steps=1.5), "steps must be a whole number"),
        (put(lr=float("nan")), "lr must be finite"),
        (put(format=99), "has format 99, but this version knows formats up to 1"),
        (
            put(optimizer=optimizer("adam").config()),
            "written with optimizer 'adam', kind='adam', but this trainer has 'sgd', kind='sgd'",
        ),
        (
            put(optimizer=optimizer("momentum", momentum=0.5).config()),
            "optimizer 'sgd', momentum=0.5, but this trainer has 'sgd', momentum=0.9",
        ),
        (put(average=None), "average=None, but this trainer has {'kind': 'ema'"),
        (put(average=swa(start=1).config()), "average 'swa', kind='swa', but this trainer"),
        (put(accumulate=4), "accumulate=4, but this trainer has 1"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(change, words):
    trainer = classifier().trainer(optimizer="momentum", average=ema(0.5))
    steps(trainer, range(1))
    before = trainer.state_dict()
    with pytest.raises((TypeError, ValueError), match=words):
        trainer.load_state(broken(change))
    after = trainer.state_dict()
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], value)


@pytest.mark.parametrize("given", [None, 3, [("steps", 1)]])
def test_what_is_no_mapping_is_refused(given):
    with pytest.raises(TypeError, match="the state of a trainer is a mapping"):
        classifier().trainer().load_state(given)


def test_a_rate_of_the_optimizers_own_may_differ():
    """A trainer has one rate, which the state holds; what the optimizer brought is not used."""
    trainer = classifier().trainer(optimizer=optimizer("adam", lr=0.5))
    trainer.load_state(classifier().trainer(optimizer="adam", lr=0.25).state_dict())
    assert trainer.lr == 0.25


@pytest.mark.parametrize("copied", [copy.deepcopy, pickle.dumps])
def test_a_trainer_is_not_copied_and_says_what_to_do_instead(copied):
    with pytest.raises(TypeError, match=r"neither pickled nor copied.*trainer\.state_dict\(\)"):
        copied(classifier().trainer())
