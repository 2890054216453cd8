"""One step: whole or not at all, checked before it begins."""

import os
import signal
import threading

import numpy as np
import pytest

from mlpcore import MLP, optimizer
from mlpcore.training.interrupts import deferred_interrupts


def data(rows=12):
    rng = np.random.default_rng(0)
    return rng.normal(size=(rows, 4)).astype(np.float32), rng.integers(0, 3, rows)


def model(**changes):
    return MLP([4, 5, 3], output="softmax", seed=0, **changes)


def test_a_step_returns_the_objective_before_it_and_lowers_it():
    net = model()
    x, t = data()
    before, _ = net.value_and_grad(x, t, l2=0.01)
    trainer = net.trainer(lr=0.05, l2=0.01)
    first = trainer.step(x, t)
    assert np.ndim(first) == 0
    assert first == before
    losses = [float(trainer.step(x, t)) for _ in range(30)]
    assert losses[-1] < 0.7 * float(first)
    assert trainer.steps == 31


def test_sample_weights_of_zero_leave_rows_out():
    x, t = data()
    weights = np.array([1.0] * 6 + [0.0] * 6)
    whole, half = model(), model()
    a = whole.trainer("cross_entropy", "sgd").step(x, t, weights)
    b = half.trainer("cross_entropy", "sgd").step(x[:6], t[:6])
    assert float(a) == pytest.approx(float(b), rel=1e-6)
    for name, view in whole.parameters().items():
        np.testing.assert_allclose(view, half.parameters()[name], rtol=1e-5, atol=1e-6)


def test_the_learning_rate_may_be_set_between_steps():
    x, t = data()
    net, twin = model(), model()
    trainer = net.trainer(optimizer="sgd", lr=0.5)
    trainer.lr = 0.25
    trainer.step(x, t)
    twin.trainer(optimizer="sgd", lr=0.25).step(x, t)
    assert net.equals(twin)
    assert "lr=0.25, steps=1" in repr(trainer)


def test_an_optimizer_brings_its_own_rate():
    assert model().trainer(optimizer=optimizer("sgd", lr=0.125)).lr == 0.125


@pytest.mark.parametrize("lr", [0, -1, float("nan"), float("inf")])
def test_a_rate_that_is_not_positive_and_finite_is_refused(lr):
    with pytest.raises(ValueError, match="lr must be positive and finite"):
        model().trainer(lr=lr)


@pytest.mark.parametrize("l2", [-1, float("nan"), float("inf")])
def test_a_penalty_that_is_negative_or_not_finite_is_refused(l2):
    with pytest.raises(ValueError, match="l2 must be finite and not negative"):
        model().trainer(l2=l2)
    with pytest.raises(ValueError, match="l2 must be finite and not negative"):
        model().value_and_grad(*data(), l2=l2)


@pytest.mark.parametrize(
    ("x", "t", "weights", "words"),
    [
        (np.ones((0, 4)), np.zeros(0, dtype=int), None, "at least one row"),
        (np.ones((2, 5)), [0, 1], None, "x must have the shape"),
        (np.ones((2, 4)), [0, 1, 2], None, "3"),
        (np.ones((2, 4)), [0, 7], None, "7"),
        (np.ones((2, 4)), [0, 1], [1.0], "one weight for each sample"),
        (np.ones((2, 4)), [0, 1], [1.0, -1.0], "negative or NaN"),
        (np.ones((2, 4)), [0, 1], [1.0, np.nan], "negative or NaN"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(x, t, weights, words):
    net = model()
    before = net.copy()
    trainer = net.trainer()
    with pytest.raises(ValueError, match=words):
        trainer.step(x, np.asarray(t), weights if weights is None else np.asarray(weights))
    assert trainer.steps == 0
    assert net.equals(before)


def test_an_interrupt_waits_for_the_end_of_the_block():
    reached = []

    def block():
        with deferred_interrupts():
            os.kill(os.getpid(), signal.SIGINT)
            reached.append(True)

    with pytest.raises(KeyboardInterrupt):
        block()
    assert reached
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_threads_have_nothing_to_defer():
    ran = []

    def work():
        with deferred_interrupts():
            ran.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert ran == [signal.default_int_handler]


def test_an_interrupted_step_is_whole():
    class Interrupting(type(optimizer("sgd"))):
        """SGD that is interrupted in the middle of its update."""

        def update(self, xp, p, g, state, step, lr=None):
            os.kill(os.getpid(), signal.SIGINT)
            super().update(xp, p, g, state, step, lr)

    x, t = data()
    net, twin = model(), model()
    trainer = net.trainer(optimizer=Interrupting(lr=0.1))
    with pytest.raises(KeyboardInterrupt):
        trainer.step(x, t)
    assert trainer.steps == 1
    twin.trainer(optimizer="sgd", lr=0.1).step(x, t)
    assert net.equals(twin)
