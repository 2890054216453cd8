"""k batches make one update: that of all their rows as one batch, to rounding."""

import numpy as np
import pytest
from support.training import batch, classifier, host, same, weights

from mlpcore import loss
from mlpcore.training.accumulation import Accumulation

X, T = batch(24)
PARTS = (slice(0, 10), slice(10, 12), slice(12, 24))  # of unequal size


def parted(model, k, parts, *, t=T, sample_weight=None, rounds=3, **options):
    trainer = model.trainer(**{"optimizer": "adam", "lr": 0.05, "accumulate": k} | options)
    for _ in range(rounds):
        for part in parts:
            w = None if sample_weight is None else sample_weight[part]
            trainer.step(X[part], t[part], w)
    return trainer


def close(first, second):
    for name, W in weights(second).items():
        np.testing.assert_allclose(weights(first)[name], W, rtol=1e-7, atol=1e-10, err_msg=name)


@pytest.mark.parametrize(
    "options",
    [{}, {"l2": 0.1, "l1": 0.05}, {"clip_norm": 0.1}, {"optimizer": "nesterov", "lr": 0.1}],
    ids=lambda options: ",".join(options) or "plain",
)
def test_three_batches_make_the_update_of_one(device, options):
    model, whole = classifier(device=device), classifier(device=device)
    trainer = parted(model, 3, PARTS, **options)
    parted(whole, 1, [slice(None)], **options)
    assert (trainer.steps, trainer.pending) == (3, 0)
    close(model, whole)


@pytest.mark.parametrize(
    "given",
    [
        loss("cross_entropy", ignore_index=1),
        loss("cross_entropy", class_weight=[1.0, 5.0, 0.5]),
        loss("cross_entropy", class_weight={2: 7.0}, ignore_index=0, label_smoothing=0.1),
        loss("cross_entropy", label_smoothing=0.2),
    ],
    ids=str,
)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_mean_is_taken_over_what_the_loss_counts(device, given, weighted):
    w = np.random.default_rng(5).uniform(0, 3, 24) if weighted else None
    model, whole = classifier(device=device), classifier(device=device)
    parted(model, 3, PARTS, loss=given, sample_weight=w)
    parted(whole, 1, [slice(None)], loss=given, sample_weight=w)
    close(model, whole)


@pytest.mark.parametrize("name", ["mse", "huber"])
@pytest.mark.parametrize("weights_of", ["none", "rows", "elements"])
def test_values_with_weights_of_rows_or_elements(device, name, weights_of):
    rng = np.random.default_rng(6)
    t = rng.normal(size=(24, 3))
    w = {"none": None, "rows": rng.uniform(0, 2, 24), "elements": rng.uniform(0, 2, (24, 3))}
    given = {"loss": name, "t": t, "sample_weight": w[weights_of]}
    model, whole = (classifier(device=device, output="identity") for _ in range(2))
    parted(model, 3, PARTS, **given)
    parted(whole, 1, [slice(None)], **given)
    close(model, whole)


def test_distributions_count_as_rows(device):
    t = np.random.default_rng(7).dirichlet(np.ones(3), 24)
    given = {"loss": loss("cross_entropy", class_weight=[1.0, 2.0, 3.0]), "t": t}
    model, whole = classifier(device=device), classifier(device=device)
    parted(model, 3, PARTS, **given)
    parted(whole, 1, [slice(None)], **given)
    close(model, whole)


def test_dropout_drops_what_it_drops_of_the_whole_batch(device):
    model, whole = (classifier(device=device, dropout=0.4) for _ in range(2))
    parted(model, 3, PARTS)
    parted(whole, 1, [slice(None)])
    close(model, whole)


def test_nothing_changes_before_the_last_batch_of_an_update(device):
    model = classifier(device=device)
    before = weights(model)
    trainer = model.trainer(accumulate=3)
    for count, part in enumerate(PARTS[:2], 1):
        trainer.step(X[part], T[part])
        assert (trainer.steps, trainer.pending) == (0, count)
        assert same(weights(model), before)
    trainer.step(X, T)
    assert (trainer.steps, trainer.pending) == (1, 0)
    assert not same(weights(model), before)


def test_every_call_returns_the_objective_of_its_own_batch(device):
    model = classifier(device=device)
    trainer = model.trainer(accumulate=2, l2=0.1)
    for part in PARTS[:2]:
        expected = float(model.value_and_grad(X[part], T[part], l2=0.1)[0])
        assert float(trainer.step(X[part], T[part])) == pytest.approx(expected, rel=1e-13)


def test_flush_makes_the_update_of_what_is_there(device):
    model, whole = classifier(device=device), classifier(device=device)
    trainer = parted(model, 5, PARTS, rounds=1)
    assert trainer.pending == 3
    assert trainer.flush()
    assert (trainer.steps, trainer.pending) == (1, 0)
    assert not trainer.flush()
    parted(whole, 1, [slice(None)], rounds=1)
    close(model, whole)
    assert not classifier().trainer().flush()


def test_batches_of_no_weight_teach_nothing(device):
    given = loss("cross_entropy", ignore_index=2)
    model, twin = classifier(device=device), classifier(device=device)
    ignored = np.full(24, 2)
    for net, parts in ((model, [ignored, T, ignored]), (twin, [T])):
        trainer = net.trainer(given, accumulate=len(parts))
        for t in parts:
            trainer.step(X, t)
        assert trainer.steps == 1
    close(model, twin)


def test_accumulated_runs_repeat_their_bits(device):
    def run():
        model = classifier(device=device, dtype="float32", dropout=0.2)
        parted(model, 3, PARTS)
        return weights(model)

    assert same(run(), run())


def test_running_statistics_follow_each_batch(device):
    model, twin = (classifier(device=device, norm="batch") for _ in range(2))
    trainer = model.trainer(accumulate=2)
    trainer.step(X[:12], T[:12])
    after_one = model._bound.values()
    twin.trainer(lr=1e-30).step(X[:12], T[:12])
    one = twin._bound.values()
    for name in ("layers.0.running_mean", "layers.1.running_variance"):
        np.testing.assert_allclose(after_one[name], one[name], rtol=1e-12)
    trainer.step(X[12:], T[12:])
    assert not np.array_equal(
        model._bound.values()["layers.0.running_mean"], after_one["layers.0.running_mean"]
    )


def test_the_running_mean_of_huge_gradients_stays_finite():
    """The sum of what is averaged here would overflow."""
    model = classifier(dtype="float32")
    mean = Accumulation(model._bound)
    huge = np.float32(3e38)
    for _ in range(4):
        g = model._bound.gradient()
        g += huge
        mean.add(g, 1, 1e38)
    np.testing.assert_allclose(host(mean.mean), huge, rtol=1e-6)


@pytest.mark.parametrize("k", [0, -1, 1.5, True])
def test_what_is_no_number_of_batches_is_refused(k):
    with pytest.raises((TypeError, ValueError), match="accumulate must be"):
        classifier().trainer(accumulate=k)
