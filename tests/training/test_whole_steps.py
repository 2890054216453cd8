"""Steps with options are whole or not at all: through signals, errors and other trainers."""

import os
import signal

import numpy as np
import pytest
from support.training import batch, classifier, same

from mlpcore import Group, ema, optimizer

X, T = batch()
OPTIONS = {
    "accumulate": {"accumulate": 2},
    "average": {"average": ema(0.5)},
    "groups": {"groups": [Group("layers.0.*", lr_scale=0.5)]},
    "all": {
        "accumulate": 2,
        "average": ema(0.5),
        "groups": [Group("*.bias", frozen=True)],
        "clip_norm": 0.1,
    },
}


@pytest.fixture
def interruptible():
    """Let SIGINT raise, also where whoever started these tests had it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Interrupting(type(optimizer("momentum"))):
    """Momentum that is interrupted in the middle of its first update."""

    def update(self, xp, p, g, state, step, lr=None):
        if step == 1:
            os.kill(os.getpid(), signal.SIGINT)
        super().update(xp, p, g, state, step, lr)


def same_state(first, second):
    one, two = first.state_dict(), second.state_dict()
    return one.keys() == two.keys() and all(
        np.array_equal(one[name], two[name]) for name in one if name != "optimizer"
    )


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("options", OPTIONS.values(), ids=list(OPTIONS))
def test_an_interrupted_update_is_whole(options):
    class Own(type(optimizer("momentum"))):
        """The same, which nobody interrupts."""

    model, twin = classifier(norm="batch"), classifier(norm="batch")
    trainer = model.trainer(optimizer=Interrupting(momentum=0.9), **options)
    other = twin.trainer(optimizer=Own(momentum=0.9), **options)
    for _ in range(trainer.options.accumulate - 1):
        trainer.step(X, T)
    with pytest.raises(KeyboardInterrupt):
        trainer.step(X, T)
    for _ in range(trainer.steps * options.get("accumulate", 1)):
        other.step(X, T)
    assert trainer.steps == 1
    assert same(model._bound.values(), twin._bound.values())
    assert same_state(trainer, other)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=list(OPTIONS))
def test_a_loss_that_fails_leaves_everything_as_it_was(options):
    failing = iter([False, True, False])

    def loss(z, t):
        if next(failing):
            raise ZeroDivisionError
        return (z * z).mean(), 2 * z / z.size

    model = classifier(norm="batch")
    trainer = model.trainer(loss, **options)
    trainer.step(X, np.zeros((12, 3)))
    before, state = model._bound.values(), trainer.state_dict()
    with pytest.raises(ZeroDivisionError):
        trainer.step(X, np.zeros((12, 3)))
    assert same(model._bound.values(), before)
    after = trainer.state_dict()
    assert all(np.array_equal(state[name], after[name]) for name in state)
    trainer.step(X, np.zeros((12, 3)))


@pytest.mark.parametrize("norm", [None, "batch"])
def test_a_batch_overtaken_by_another_trainer_is_not_accumulated(norm):
    model = classifier(norm=norm)
    other = model.trainer()

    def meddling(z, t):
        other.step(X, T)
        return (z * z).mean(), 2 * z / z.size

    trainer = model.trainer(meddling, accumulate=2)
    with pytest.raises(ValueError, match="changed the parameters during this step"):
        trainer.step(X, np.zeros((12, 3)))
    assert (trainer.pending, trainer.steps, other.steps) == (0, 0, 1)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=list(OPTIONS))
def test_no_step_begins_within_a_step(options):
    model = classifier()

    def stepping(z, t):
        for attempt in (lambda: trainer.step(X, T), trainer.flush, trainer.state_dict):
            with pytest.raises(RuntimeError, match="under way in this very thread"):
                attempt()
        return (z * z).mean(), 2 * z / z.size

    trainer = model.trainer(stepping, **options)
    trainer.step(X, np.zeros((12, 3)))


def test_seeded_runs_with_everything_repeat_their_bits(device):
    def run():
        model = classifier(device=device, dtype="float32", dropout=0.3, norm="batch")
        trainer = model.trainer(
            lr=0.05, l1=1e-3, l2=1e-2, clip_value=0.5, schedule=lambda s: 1 / (1 + s),
            **OPTIONS["all"],
        )  # fmt: skip
        for _ in range(5):
            trainer.step(X, T)
        trainer.flush()
        return model._bound.values(), trainer.state_dict()

    (first, one), (second, two) = run(), run()
    assert same(first, second)
    assert all(np.array_equal(one[name], two[name]) for name in one)
