"""Features are the activations of the forward pass, under the numbers that were asked for."""

import numpy as np
import pytest

from mlpcore.model import MLP


@pytest.fixture
def model(device):
    return MLP([4, 6, 5, 3], output="softmax", device=device, seed=0)


@pytest.fixture
def x():
    return np.random.default_rng(1).normal(size=(7, 4)).astype(np.float32)


def test_they_are_the_activations_of_the_cache(model, x):
    _, cache = model.forward(x)
    found = model.features(x)
    assert list(found) == [0, 1, 2]
    for index, a in found.items():
        np.testing.assert_array_equal(a, cache.layers[index].a)


def test_negative_numbers_count_from_the_last_layer(model, x):
    found = model.features(x, layers=[0, -1])
    assert list(found) == [0, -1]
    np.testing.assert_array_equal(found[0], model.features(x)[0])
    np.testing.assert_array_equal(found[-1], model.features(x)[2])


def test_those_of_the_last_layer_are_the_logits(model, x):
    np.testing.assert_array_equal(model.features(x, [-1])[-1], model.forward(x, cache=False))


@pytest.mark.parametrize("lead", [(), (0,), (2, 3)], ids=str)
def test_they_have_the_leading_shape_that_came_in(lead, model):
    found = model.features(np.ones((*lead, 4)))
    assert [a.shape for a in found.values()] == [(*lead, 6), (*lead, 5), (*lead, 3)]


def test_of_no_layers_there_are_none(model, x):
    assert model.features(x, layers=[]) == {}


@pytest.mark.parametrize(
    "numbers", [(n for n in [1, 2]), np.array([1, 2])], ids=["iterator", "array"]
)
def test_layers_may_come_from_anything_iterable(numbers, model, x):
    assert list(model.features(x, layers=numbers)) == [1, 2]


@pytest.mark.parametrize("layer", [3, -4])
def test_a_layer_that_is_not_there_is_an_error(layer, model, x):
    with pytest.raises(IndexError, match=f"there is no layer {layer}: the network has 3"):
        model.features(x, layers=[0, layer])


@pytest.mark.parametrize("layers", [0, [0.5], ["0"]], ids=str)
def test_layers_are_whole_numbers(layers, model, x):
    with pytest.raises(TypeError, match="layers must be whole numbers"):
        model.features(x, layers=layers)


def test_an_input_of_another_width_is_refused(model):
    with pytest.raises(ValueError, match=r"shape \(\.\.\., 4\)"):
        model.features(np.ones(5))
