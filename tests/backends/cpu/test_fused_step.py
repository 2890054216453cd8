"""A step in one call: what it keeps is never stale, and what overflows is no warning."""

import numpy as np
import pytest
from support.written_kernels import ISAS

from mlpcore import MLP, optimizer
from mlpcore.backends.cpu import fused_step
from mlpcore.nn.losses import loss

pytestmark = pytest.mark.skipif(not ISAS, reason="no instruction set of ours")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 5)).astype(np.float32)
LABELS = RNG.integers(0, 3, 40)
SHARES = RNG.dirichlet(np.ones(3), 40).astype(np.float32)
WEIGHTS = RNG.random(40)


def at_once(trainer):
    """The trainer itself, if its steps are taken in one call."""
    assert trainer._rule is not None
    return trainer


@pytest.mark.parametrize("rule", [optimizer("sgd"), optimizer("sgd", momentum=0.9), "adam"])
@pytest.mark.parametrize(
    "by",
    [
        "cross_entropy",
        loss("cross_entropy", class_weight=[1, 2, 0.5]),
        loss("cross_entropy", class_weight=[1, 2, 0.5], label_smoothing=0.1),
    ],
)
def test_nothing_of_the_last_step_is_left_in_the_next(by, rule):
    nets = [MLP([5, 7, 3], output="softmax", seed=0) for _ in range(2)]
    keeping, forgetting = (at_once(net.trainer(by, rule, l2=0.01)) for net in nets)
    steps = [
        (X[:32], LABELS[:32], None, 0.1),
        (X[:32], LABELS[:32], None, 0.1),
        (X[8:], LABELS[8:].astype(np.int32), None, 0.2),
        (X[8:], np.full(32, 2), None, 0.2),
        (X[:32], SHARES[:32], None, 0.2),
        (X[:32], LABELS[:32], WEIGHTS[:32], 0.1),
        (X[:32], LABELS[:32], None, 0.1),
        (X[::2], LABELS[::2], None, 0.1),
        (np.asfortranarray(X)[:32], LABELS[:32], None, 0.3),
        (np.hstack([X, X])[:32, 2:7], LABELS[:32], WEIGHTS[8:], 0.1),
        (X[:32], np.asfortranarray(SHARES)[:32], None, 0.1),
        (X[:32], LABELS[:32], None, 0.1),
        (X[:1], LABELS[:1], None, 0.1),
    ]
    for x, t, weight, lr in steps:
        keeping.lr = forgetting.lr = lr
        forgetting._rule._kept.clear()
        assert keeping.step(x, t, weight).tobytes() == forgetting.step(x, t, weight).tobytes()
        assert nets[0].equals(nets[1])


@pytest.mark.parametrize("by", ["mse", "mae", "huber", "binary_cross_entropy", "poisson"])
def test_a_column_may_come_flat(by):
    output = "sigmoid" if by == "binary_cross_entropy" else "identity"
    flat, column = (MLP([5, 7, 1], output=output, seed=0) for _ in range(2))
    t = RNG.random(40).astype(np.float32)
    trainers = [at_once(net.trainer(by, "adam")) for net in (flat, column)]
    assert trainers[0]._rule.prepare(X, t, None) is not None  # in one call as well
    for weight in (None, WEIGHTS):
        first, second = trainers[0].step(X, t, weight), trainers[1].step(X, t[:, None], weight)
        assert first.tobytes() == second.tobytes()
    assert flat.equals(column)


def test_what_steps_need_is_kept_for_two_sizes_of_batches_and_so_many_bytes(monkeypatch):
    def kept_after(*sizes):
        trainer = at_once(MLP([5, 7, 3], seed=0).trainer("cross_entropy"))
        for rows in sizes:
            trainer.step(X[:rows], LABELS[:rows])
        return {rows: kept.passed.num_bytes for rows, kept in trainer._rule._kept.items()}

    assert set(kept_after(32, 8, 32)) == {32, 8}
    assert set(kept_after(32, 8, 16)) == {16}
    largest = kept_after(32)[32]
    monkeypatch.setattr(fused_step, "MOST_KEPT", largest)
    assert set(kept_after(8, 32)) == {32}
    assert set(kept_after(32, 8)) == {8}
    monkeypatch.setattr(fused_step, "MOST_KEPT", largest - 1)
    assert not kept_after(32)
    assert not kept_after(8, 32)


def test_the_logits_of_a_step_are_not_those_of_the_next():
    trainer = at_once(MLP([5, 7, 3], output="softmax", seed=0).trainer("cross_entropy", "sgd"))
    first = trainer.step_on(X, LABELS)
    before = first.logits.copy()
    assert not np.shares_memory(first.logits, trainer.step_on(X, LABELS).logits)
    np.testing.assert_array_equal(first.logits, before)


def test_a_rate_beyond_the_dtype_is_infinite_and_no_warning():
    net = MLP([5, 3], output="softmax", seed=0)
    at_once(net.trainer("cross_entropy", "sgd", lr=1e300)).step(X, LABELS)
    assert np.isinf(net.parameters()["layers.0.weight"]).any()


def test_a_penalty_beyond_the_dtype_is_infinite_and_no_warning():
    net = MLP([5, 3], output="softmax", seed=0)
    net.parameters()["layers.0.weight"][...] = 1e30
    assert at_once(net.trainer("cross_entropy", "sgd", l2=1.0)).step(X, LABELS) == np.inf


def test_an_input_that_standardisation_makes_infinite_is_no_warning():
    net = MLP([5, 3], output="softmax", standardize=True, seed=0)
    net.adapt(1e-30 * X)
    assert np.isnan(at_once(net.trainer("cross_entropy", "sgd")).step(1e30 * X, LABELS))
