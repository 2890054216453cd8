"""The rate of an update is the base rate times the schedule's factor for its number."""

import numpy as np
import pytest
from support.training import batch, classifier, same, weights

X, T = batch()


def halving(step):
    return 0.5**step


@pytest.mark.parametrize("rule", ["sgd", "adam"])
@pytest.mark.parametrize("options", [{}, {"clip_norm": 0.1}], ids=["at once", "in parts"])
def test_each_update_has_the_rate_that_the_schedule_says(device, rule, options):
    model, twin = classifier(device=device), classifier(device=device)
    trainer = model.trainer(optimizer=rule, lr=0.5, schedule=halving, **options)
    by_hand = twin.trainer(optimizer=rule, lr=0.5, **options)
    for step in range(5):
        by_hand.lr = 0.5 * 0.5**step
        assert trainer.rate == by_hand.rate == by_hand.lr
        trainer.step(X, T)
        by_hand.step(X, T)
    assert same(weights(model), weights(twin))
    assert trainer.lr == 0.5


def test_the_base_rate_may_be_set_between_steps():
    trainer = classifier().trainer(lr=0.5, schedule=halving)
    trainer.step(X, T)
    trainer.lr = 0.25
    assert trainer.rate == 0.125


def test_a_schedule_counts_updates_not_batches():
    seen = []
    trainer = classifier().trainer(accumulate=2, schedule=lambda step: seen.append(step) or 1.0)
    for _ in range(6):
        trainer.step(X, T)
    assert sorted(set(seen)) == [0, 1, 2]


def test_a_factor_of_zero_moves_nothing(device):
    model = classifier(device=device)
    before = weights(model)
    model.trainer(optimizer="sgd", schedule=lambda step: 0.0).step(X, T)
    assert same(weights(model), before)


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (-0.5, r"schedule\(0\) must not be negative"),
        (float("nan"), r"schedule\(0\) must be finite"),
        (None, r"schedule\(0\) must be a number, got None"),
        ("1", r"schedule\(0\) must be a number"),
    ],
)
@pytest.mark.parametrize("options", [{}, {"clip_norm": 0.1}, {"accumulate": 2}])
def test_a_factor_that_is_none_is_refused_and_changes_nothing(factor, words, options):
    model = classifier()
    before = weights(model)
    trainer = model.trainer(schedule=lambda step: factor, **options)
    with pytest.raises((TypeError, ValueError), match=words):
        trainer.step(X, T)
    assert (trainer.steps, trainer.pending) == (0, 0)
    assert same(weights(model), before)


def test_what_is_no_function_is_refused():
    with pytest.raises(TypeError, match="schedule must be a function of the number of the step"):
        classifier().trainer(schedule=np.float64(0.1))
