"""MLP: gradients of the logits and of the objective, and the caches they are taken from."""

import numpy as np
import pytest
from support.models import model

from mlpcore import MLP


def test_a_cache_belongs_to_its_model_and_to_its_parameters():
    net, other = model(), model()
    x = np.ones((2, 4), dtype=np.float32)
    z, cache = net.forward(x)
    with pytest.raises(ValueError, match="made by another model"):
        other.backward(cache, z)
    with pytest.raises(TypeError, match="needs the cache that forward returned, got tuple"):
        net.backward((z, cache), z)
    net.trainer().step(x, [0, 1])
    with pytest.raises(ValueError, match="parameters have changed since"):
        net.backward(cache, z)


def test_looking_at_the_parameters_does_not_spoil_a_cache():
    net = model()
    z, cache = net.forward(np.ones((2, 4)))
    assert net.parameters()["layers.0.weight"].shape == (6, 4)
    net.backward(cache, z)


def test_dz_has_the_shape_of_the_logits():
    net = model()
    _, cache = net.forward(np.ones((2, 4)))
    with pytest.raises(ValueError, match=r"shape of the logits, \(2, 3\); got \(3, 2\)"):
        net.backward(cache, np.ones((3, 2)))


def test_a_cache_can_be_used_twice():
    net = model(dtype="float64")
    z, cache = net.forward(np.random.default_rng(12).normal(size=(5, 4)))
    first, second = net.backward(cache, z), net.backward(cache, 2 * z)
    np.testing.assert_allclose(2 * first.flat, second.flat, rtol=1e-12)


def test_gradients_are_a_mapping_in_the_layout_of_the_parameters():
    net = model()
    _, grads = net.value_and_grad(np.ones((2, 4)), [0, 1])
    assert list(grads) == list(net.parameters())
    assert len(grads) == 4
    for name, view in net.parameters().items():
        assert grads[name].shape == view.shape
        assert np.shares_memory(grads[name], grads.flat)
    assert grads.input is None
    assert grads.layers[0].dz is None
    assert "layers.0.weight: (6, 4)" in repr(grads)


def test_the_published_shape_fact():
    """The gradient of a scalar by an n x m matrix is n x m (Petersen and Pedersen, 2012)."""
    for n, m in [(1, 1), (3, 5), (5, 3)]:
        _, grads = MLP([m, n], seed=0).value_and_grad(np.ones((2, m)), np.zeros((2, n)))
        assert grads.layers[0].weight.shape == (n, m)


def test_the_objective_is_data_loss_plus_penalty_on_weights_alone():
    net = model(dtype="float64")
    for view in net.parameters().values():
        view[...] = np.random.default_rng(13).normal(size=view.shape)
    x, t = np.random.default_rng(14).normal(size=(5, 4)), np.array([0, 1, 2, 0, 1])
    plain, plain_grads = net.value_and_grad(x, t)
    J, grads = net.value_and_grad(x, t, l2=0.3)
    weights = [v for name, v in net.parameters().items() if name.endswith("weight")]
    s = 0.15 * sum(float((W**2).sum()) for W in weights)
    assert float(grads.loss) == pytest.approx(float(plain))
    assert float(grads.penalty) == pytest.approx(s)
    assert float(J) == float(grads.objective) == pytest.approx(float(plain) + s)
    for layer, W in enumerate(weights):
        expected = plain_grads.layers[layer].weight + 0.3 * W
        np.testing.assert_allclose(grads.layers[layer].weight, expected, rtol=1e-10)
        np.testing.assert_array_equal(grads.layers[layer].bias, plain_grads.layers[layer].bias)
    assert float(plain_grads.penalty) == 0


def test_a_loss_that_does_not_belong_to_the_output_is_refused():
    with pytest.raises(ValueError, match="output"):
        model(output="softmax").trainer("mse")
    with pytest.raises(ValueError, match="unknown loss"):
        model().value_and_grad(np.ones((1, 4)), [0], loss="entropy")


@pytest.mark.parametrize("t", [[0, 3], [-1, 0], [0], [0.5, 1.0], [[0, 1]]])
def test_targets_that_do_not_fit_are_refused_before_any_work(t):
    net = model()
    before = net.copy()
    with pytest.raises((ValueError, TypeError)):
        net.trainer().step(np.ones((2, 4)), np.array(t))
    assert net.equals(before)
