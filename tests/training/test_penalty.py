"""s = λ₂/2 ΣW² + λ₁ Σ|W| is part of the objective, and its gradient part of the step."""

import numpy as np
import pytest
from support.differences import central_differences
from support.training import batch, classifier, descent, host, same, weights

from mlpcore import Group

X, T = batch()


def penalty(values, l2, l1, groups=None):
    """Return s of parameters by name; `groups` gives λ₂ of single weights."""
    factors = groups or {}
    return sum(
        factors.get(name, l2) / 2 * (W * W).sum() + l1 * np.abs(W).sum()
        for name, W in values.items()
        if name.endswith("weight")
    )


def test_the_objective_is_the_loss_plus_the_penalty(device):
    model = classifier(device=device)
    L = float(model.evaluate(X, T)["loss"])
    found = float(model.trainer(l2=0.3, l1=0.07).step(X, T))
    assert found == pytest.approx(L + penalty(weights(classifier()), 0.3, 0.07), rel=1e-13)


@pytest.mark.parametrize("l1", [0.0, 0.05])
@pytest.mark.parametrize("groups", [None, {"layers.1.weight": 0.4, "layers.2.weight": 0.0}])
def test_a_step_follows_the_gradient_of_the_objective(device, l1, groups):
    l2 = 0.2
    given = [Group(name, l2=factor) for name, factor in (groups or {}).items()]
    found = descent(classifier(device=device), X, T, l2=l2, l1=l1, groups=given)
    model = classifier()
    views = model.parameters()

    def objective():
        return model.evaluate(X, T)["loss"] + penalty(views, l2, l1, groups)

    for name, view in views.items():  # no weight is near the kink of |W|
        np.testing.assert_allclose(
            found[name], central_differences(objective, view), atol=2e-9, rtol=1e-7
        )


def test_value_and_grad_knows_both_penalties(device):
    model = classifier(device=device)
    J, grads = model.value_and_grad(X, T, l2=0.1, l1=0.2)
    assert float(J) == pytest.approx(
        float(grads.loss) + penalty(weights(model), 0.1, 0.2), rel=1e-13
    )
    bare = model.value_and_grad(X, T)[1].layers[0]
    W = weights(model)["layers.0.weight"]
    expected = host(bare.weight) + 0.1 * W + 0.2 * np.sign(W)
    np.testing.assert_allclose(host(grads.layers[0].weight), expected, rtol=1e-12)
    np.testing.assert_array_equal(host(grads.layers[0].bias), host(bare.bias))


def test_the_subgradient_of_an_absolute_value_at_zero_is_zero(device):
    model, plain = classifier(device=device), classifier(device=device)
    for net in (model, plain):
        net.parameters()["layers.1.weight"][...] = 0.0
    found, without = descent(model, X, T, l1=0.5), descent(plain, X, T)
    np.testing.assert_array_equal(found["layers.1.weight"], without["layers.1.weight"])


def test_biases_and_the_parameters_of_normalisation_are_exempt(device):
    model, plain = (classifier(device=device, norm="layer") for _ in range(2))
    found, without = descent(model, X, T, l2=0.5, l1=0.5), descent(plain, X, T)
    for name in found:
        exempt = not name.endswith("weight")
        assert np.array_equal(found[name], without[name]) == exempt, name


def test_l1_of_zero_takes_the_very_step_that_none_takes():
    model, plain = classifier(), classifier()
    model.trainer(l2=0.1, l1=0.0).step(X, T)
    plain.trainer(l2=0.1).step(X, T)
    assert same(weights(model), weights(plain))


@pytest.mark.parametrize("l1", [-1, float("nan"), float("inf")])
def test_a_penalty_that_is_negative_or_not_finite_is_refused(l1):
    with pytest.raises(ValueError, match=r"l1 must (be finite|not be negative)"):
        classifier().trainer(l1=l1)
    with pytest.raises(ValueError, match=r"l1 must (be finite|not be negative)"):
        classifier().value_and_grad(X, T, l1=l1)
