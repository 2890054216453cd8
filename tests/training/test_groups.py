"""Parameters by the patterns of their names: other rates, other penalties, or no change at all."""

import numpy as np
import pytest
from support.training import batch, classifier, descent, host, same, weights

from mlpcore import Group, optimizer

X, T = batch()


def chosen(pattern):
    return {name for name in weights(classifier()) if name.startswith(pattern)}


def steps(model, count=5, **options):
    trainer = model.trainer(**{"optimizer": "adam", "lr": 0.05} | options)
    for _ in range(count):
        trainer.step(X, T)
    return trainer


@pytest.mark.parametrize("rule", ["sgd", "nesterov", "adam", "adamw"])
@pytest.mark.parametrize("pattern", ["layers.0.", "layers.1.", "layers.2."])
def test_what_is_frozen_keeps_its_bits_and_all_else_learns(device, rule, pattern):
    model = classifier(device=device)
    before = weights(model)
    steps(model, optimizer=rule, l2=0.1, l1=0.1, groups=[Group(pattern + "*", frozen=True)])
    after = weights(model)
    for name in before:
        assert np.array_equal(before[name], after[name]) == (name in chosen(pattern)), name


def test_freezing_a_layer_is_training_the_others_alone(device):
    """With the first layer frozen the rest is a network of its own, on what that layer gives."""
    whole = classifier(device=device)
    hidden = host(whole.features(X, [0])[0])
    rest = classifier(device=device, sizes=[6, 5, 3])
    rest.set_parameters(
        {f"layers.{i}.{kind}": weights(whole)[f"layers.{i + 1}.{kind}"]
         for i in range(2) for kind in ("weight", "bias")}
    )  # fmt: skip
    steps(whole, clip_norm=0.01, groups=[Group("layers.0.*", frozen=True)])
    trainer = rest.trainer("cross_entropy", "adam", 0.05, clip_norm=0.01)
    for _ in range(5):
        trainer.step(hidden, T)
    for name, values in weights(rest).items():
        layer, kind = int(name.split(".")[1]), name.split(".")[2]
        np.testing.assert_allclose(
            weights(whole)[f"layers.{layer + 1}.{kind}"], values, rtol=1e-9, atol=1e-11
        )


def test_the_rate_of_a_group_is_its_share_of_the_rate(device):
    scaled = [Group("layers.1.*", lr_scale=0.25), Group("*.bias", lr_scale=4.0)]
    found = descent(classifier(device=device), X, T, groups=scaled)
    plain = descent(classifier(device=device), X, T)
    for name, change in plain.items():
        scale = 4.0 if name.endswith("bias") else 0.25 if name in chosen("layers.1.") else 1.0
        np.testing.assert_allclose(found[name], scale * change, rtol=1e-9, atol=1e-15)


def test_a_group_at_half_the_rate_takes_the_steps_of_a_trainer_at_half_the_rate(device):
    """Adam's moments do not depend on the rate, so the bits of the group are those of that run."""
    model, half = classifier(device=device), classifier(device=device)
    steps(model, 1, groups=[Group("layers.2.*", lr_scale=0.5)])
    steps(half, 1, lr=0.025)
    for name in chosen("layers.2."):
        np.testing.assert_array_equal(weights(model)[name], weights(half)[name])


def test_the_last_group_that_matches_wins(device):
    model = classifier(device=device)
    before = weights(model)
    groups = [Group("*", frozen=True), Group("layers.1.*"), Group("layers.1.bias", frozen=True)]
    steps(model, groups=groups)
    after = weights(model)
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == {"layers.1.weight"}


def test_a_decay_of_the_optimizer_leaves_biases_alone_in_groups_too(device):
    rule = optimizer("adamw", lr=0.05, weight_decay=0.5)
    bare = optimizer("adamw", lr=0.05, weight_decay=0.0)
    groups = [Group("layers.0.*", lr_scale=0.5)]
    decayed, plain = classifier(device=device), classifier(device=device)
    steps(decayed, 1, optimizer=rule, groups=groups)
    steps(plain, 1, optimizer=bare, groups=groups)
    start = weights(classifier())
    for name, W in weights(plain).items():
        rate = 0.025 if name in chosen("layers.0.") else 0.05
        share = rate * 0.5 if name.endswith("weight") else 0.0
        np.testing.assert_allclose(
            weights(decayed)[name], W - share * start[name], rtol=1e-12, atol=1e-15
        )


def test_groups_that_change_nothing_leave_the_bits_of_every_step(device):
    model, plain = classifier(device=device), classifier(device=device)
    steps(model, l2=0.1, groups=[Group("layers.0.*"), Group("*.weight", l2=0.1)])
    steps(plain, l2=0.1)
    assert same(weights(model), weights(plain))


def test_frozen_statistics_stay_while_others_follow_the_batches(device):
    model = classifier(device=device, norm="batch")
    before = model._bound.values()
    steps(model, groups=[Group("layers.0.*", frozen=True)])
    after = model._bound.values()
    for name in before:
        still = np.array_equal(before[name], after[name])
        assert still == name.startswith("layers.0."), name


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ([Group("layer.0.*")], r"'layer.0.\*' matches no parameter; there are layers.0.weight"),
        ([Group("*.bias", l2=0.1)], r"'\*.bias' has l2=0.1, .* counts weights only"),
    ],
)
def test_a_group_that_does_not_fit_the_model_is_refused(groups, words):
    with pytest.raises(ValueError, match=words):
        classifier().trainer(groups=groups)


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"pattern": 3}, TypeError, "must be a string, got 3"),
        ({"lr_scale": -1}, ValueError, "lr_scale must not be negative"),
        ({"lr_scale": float("inf")}, ValueError, "lr_scale must be finite"),
        ({"l2": -0.1}, ValueError, "l2 must not be negative"),
        ({"frozen": 1}, TypeError, "frozen must be True or False, got 1"),
    ],
)
def test_a_setting_out_of_range_is_refused(settings, error, words):
    with pytest.raises(error, match=words):
        Group(**({"pattern": "*"} | settings))


@pytest.mark.parametrize("groups", [Group("*"), ["*"], 7])
def test_what_is_no_sequence_of_groups_is_refused(groups):
    with pytest.raises(TypeError, match="groups must be a sequence of Group"):
        classifier().trainer(groups=groups)
