"""One step: whole or not at all, checked before it begins."""

import os
import signal
import threading
import time
import warnings

import numpy as np
import pytest

from mlpcore import MLP, optimizer


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
    with pytest.raises(ValueError, match=r"lr must be (positive|finite)"):
        model().trainer(lr=lr)


@pytest.mark.parametrize("l2", [-1, float("nan"), float("inf")])
def test_a_penalty_that_is_negative_or_not_finite_is_refused(l2):
    with pytest.raises(ValueError, match=r"l2 must (be finite|not be negative)"):
        model().trainer(l2=l2)
    with pytest.raises(ValueError, match=r"l2 must (be finite|not be negative)"):
        model().value_and_grad(*data(), l2=l2)


@pytest.mark.parametrize(
    ("x", "t", "weights", "words"),
    [
        (np.ones((0, 4)), np.zeros(0, dtype=int), None, "at least one row"),
        (np.ones((2, 5)), [0, 1], None, "x must have the shape"),
        (np.ones((2, 4)), [0, 1, 2], None, "3"),
        (np.ones((2, 4)), [0, 7], None, "7"),
        (np.ones((2, 4)), [0, 1], [1.0], "sample_weight of shape"),
        (np.ones((2, 4)), [0, 1], [1.0, -1.0], "sample_weight -1.0 in row 1"),
        (np.ones((2, 4)), [0, 1], [1.0, np.nan], "sample_weight nan in row 1"),
        (np.ones((2, 4)), [0, 1], [1.0, np.inf], "sample_weight inf in row 1"),
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


def test_an_interrupted_step_is_whole():
    class Own(type(optimizer("sgd"))):
        """SGD of one's own, which takes its steps in parts."""

    class Interrupting(Own):
        """The same, interrupted in the middle of its update."""

        def update(self, xp, p, g, state, step, lr=None):
            os.kill(os.getpid(), signal.SIGINT)
            super().update(xp, p, g, state, step, lr)

    x, t = data()
    net, twin = model(), model()
    trainer = net.trainer(optimizer=Interrupting(lr=0.1))
    with pytest.raises(KeyboardInterrupt):
        trainer.step(x, t)
    assert trainer.steps == 1
    twin.trainer(optimizer=Own(lr=0.1)).step(x, t)
    assert net.equals(twin)


def test_a_step_within_a_step_is_refused():
    net = model()
    x, _ = data()

    def stepping(z, t):
        trainer.step(x, t)
        return z.sum(), np.ones_like(z)

    trainer = net.trainer(stepping)
    with pytest.raises(RuntimeError, match="under way in this very thread"):
        trainer.step(x, np.zeros((12, 3)))
    assert trainer.steps == 0


def constant(z, t):
    """A loss whose gradient does not depend on the parameters."""
    return z.sum(), np.ones_like(z)


def test_steps_from_many_threads_take_turns_and_none_is_lost():
    net = MLP([1, 1], dtype="float64", seed=0)
    start = net.parameters()["layers.0.bias"].copy()
    trainer = net.trainer(constant, "sgd", lr=1.0)

    def work():
        for _ in range(100):
            trainer.step(np.ones((1, 1)), np.ones((1, 1)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert trainer.steps == 400
    np.testing.assert_array_equal(net.parameters()["layers.0.bias"], start - 400)


def test_two_trainers_of_one_model_raise_rather_than_mix():
    net = MLP([1, 1], dtype="float64", seed=0)
    first, other = net.trainer(constant, "sgd"), net.trainer(constant, "sgd")

    def meddling(z, t):
        other.step(np.ones((1, 1)), np.ones((1, 1)))
        return constant(z, t)

    before = net.copy()
    with pytest.raises(ValueError, match="changed the parameters during this step"):
        net.trainer(meddling, "sgd").step(np.ones((1, 1)), np.ones((1, 1)))
    assert other.steps == 1
    assert not net.equals(before)  # the other trainer's step is there, whole
    first.step(np.ones((1, 1)), np.ones((1, 1)))


def test_a_child_forked_in_the_middle_of_a_step_can_step_a_trainer_of_its_own():
    net = model()
    x, _ = data()
    inside, leave = threading.Event(), threading.Event()

    def waiting(z, t):
        inside.set()
        leave.wait(30)
        return constant(z, t)

    trainer = net.trainer(waiting)
    thread = threading.Thread(target=lambda: trainer.step(x, np.zeros((12, 3))))
    thread.start()
    inside.wait(30)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:  # pragma: no cover - another process
        leave.set()
        trainer.step(x, np.zeros((12, 3)))
        os._exit(7)
    deadline = time.monotonic() + 20
    found, status = 0, 0
    while not found and time.monotonic() < deadline:
        found, status = os.waitpid(child, os.WNOHANG)
        time.sleep(0.01)
    leave.set()
    thread.join(30)
    if not found:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7
