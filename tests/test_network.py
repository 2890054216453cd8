"""A network is a description: validated, comparable, and the same again from its config."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpcore.kernels.reference.operations import Activation, Standardize
from mlpcore.network import Dense, Network, perceptron

RELU, TANH, IDENTITY = Activation("relu"), Activation("tanh"), Activation("identity")


def test_hidden_layers_have_an_activation_and_the_last_has_none():
    network = perceptron([3, 4, 2], [RELU], IDENTITY)
    assert network.layers == (Dense(3, 4), RELU, Dense(4, 2))
    assert network.widths == (3, 4, 2)


def test_an_activation_for_every_layer_puts_the_last_one_inside_the_network():
    network = perceptron([3, 4, 2], [RELU, TANH], IDENTITY)
    assert network.layers[-1] == TANH


@given(
    st.lists(st.integers(1, 50), min_size=2, max_size=6),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["identity", "softmax", "sigmoid", "log_softmax"]),
)
def test_a_network_is_the_same_again_from_its_config_as_json(sizes, bias, standardize, output):
    leaky = Activation("leaky_relu", (("slope", 0.2),))
    before = [Standardize()] if standardize else []
    activations = [leaky] * (len(sizes) - 2)
    network = perceptron(sizes, activations, Activation(output), bias=bias, before=before)
    assert Network.from_config(json.loads(json.dumps(network.config()))) == network
    assert hash(Network.from_config(network.config())) == hash(network)


@pytest.mark.parametrize(
    ("sizes", "error", "words"),
    [
        ([], ValueError, "input and of at least one layer"),
        ([4], ValueError, "input and of at least one layer"),
        ([4, 0], ValueError, r"sizes\[1\] must be at least 1"),
        ([4, -3], ValueError, r"sizes\[1\] must be at least 1"),
        ([4, 2.5], TypeError, r"sizes\[1\] must be a whole number, got 2.5"),
        ([4, True], ValueError, "sizes"),
        ("44", TypeError, "sequence of widths"),
        (4, TypeError, "sequence of widths"),
    ],
)
def test_sizes_that_make_no_network_are_refused(sizes, error, words):
    with pytest.raises(error, match=words):
        perceptron(sizes, [], IDENTITY)


def test_the_number_of_activations_must_fit():
    with pytest.raises(ValueError, match="3 layers take 2 activations"):
        perceptron([3, 4, 5, 2], [RELU], IDENTITY)


def test_widths_must_meet():
    with pytest.raises(ValueError, match="layer 1 takes 5 features, but 4 come to it"):
        Network((Dense(3, 4), Dense(5, 2)))


def test_a_network_without_a_dense_layer_is_none():
    with pytest.raises(ValueError, match="at least one layer"):
        Network((RELU,))


def test_the_output_is_one_of_four():
    with pytest.raises(ValueError, match="'tanh' is none of identity, softmax, sigmoid"):
        perceptron([3, 2], [], TANH)


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"layers": []},
        {"layers": [{"kind": "convolution"}]},
        {"layers": [{"kind": "dense", "in_features": 3}]},
        {"layers": [{"kind": "dense", "in_features": 3, "out_features": 2, "colour": 1}]},
        {"layers": [{}]},
        {"layers": 3},
        {"layers": None},
        {"output": {"kind": "activation", "name": "nonsense", "settings": {}}},
        {"output": {"kind": "activation", "name": "softmax", "settings": {"heat": 1.0}}},
        {"output": None},
    ],
)
def test_a_config_that_describes_no_network_is_a_value_error(change):
    config = perceptron([3, 2], [], IDENTITY).config() | change
    with pytest.raises(ValueError, match=r"\S"):
        Network.from_config(config)
