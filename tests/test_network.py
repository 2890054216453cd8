"""A network is a description: validated, comparable, and the same again from its config."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpcore.kernels.reference.operations import Activation, Standardize
from mlpcore.network import Dense, Network, check_sizes, perceptron

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
        ([4, True], TypeError, r"sizes\[1\] must be a whole number, got True"),
        (np.array([4.0, 8.0]), TypeError, r"sizes\[0\] must be a whole number"),
        ("44", TypeError, "sequence of widths"),
        (b"44", TypeError, "sequence of widths"),
        (4, TypeError, "sequence of widths such as .* got 4"),
        (None, TypeError, "sequence of widths"),
        ({4, 8}, TypeError, "sequence of widths"),
        ({4: 8, 2: 1}, TypeError, "sequence of widths"),
        (np.array(4), TypeError, "sequence of widths"),
        (np.array([[4], [8]]), TypeError, "sequence of widths"),
    ],
    ids=repr,
)
def test_sizes_that_make_no_network_are_refused(sizes, error, words):
    with pytest.raises(error, match=words):
        check_sizes(sizes)
    with pytest.raises(error, match=words):
        perceptron(sizes, [None] * 99, IDENTITY)  # before anything else is looked at


@pytest.mark.parametrize(
    "sizes",
    [
        [4, 8, 3],
        (4, 8, 3),
        np.array([4, 8, 3]),
        np.array([4, 8, 3], dtype=np.uint8),
        [np.int64(4), 8, np.array(3)],
        range(4, 1, -1),
    ],
    ids=repr,
)
def test_sizes_are_any_sequence_of_whole_numbers(sizes):
    found = check_sizes(sizes)
    assert found == tuple(int(size) for size in sizes)
    assert {type(size) for size in found} == {int}
    assert perceptron(sizes, [RELU], IDENTITY).widths == found


def test_sizes_may_come_one_by_one():
    assert perceptron((size for size in (4, 8, 3)), [RELU], IDENTITY).widths == (4, 8, 3)


def test_a_dense_layer_holds_plain_numbers_whatever_they_came_as():
    layer = Dense(np.int64(3), np.uint8(2), np.True_)
    assert layer == Dense(3, 2, True)
    assert hash(layer) == hash(Dense(3, 2, True))
    assert json.loads(json.dumps(layer.config())) == Dense(3, 2, True).config()


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((3, 0), ValueError, "out_features must be at least 1"),
        ((3.0, 2), TypeError, "in_features must be a whole number"),
        ((True, 2), TypeError, "in_features must be a whole number"),
        ((3, 2, "no"), TypeError, "bias must be True or False, got 'no'"),
        ((3, 2, 1), TypeError, "bias must be True or False, got 1"),
        ((3, 2, None), TypeError, "bias must be True or False"),
        ((3, 2, True, None), TypeError, "initializer must be a name or a function, got None"),
        ((3, 2, True, {"name": "zeros"}), TypeError, "initializer must be a name or a function"),
    ],
)
def test_what_makes_no_dense_layer_is_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        Dense(*arguments)


def ones(rng, shape):
    return np.ones(shape)


def test_a_function_may_initialise_and_is_no_part_of_a_saved_network():
    network = perceptron([3, 2], [], IDENTITY, initializer=ones)
    assert network.dense[0].initializer is ones
    assert Network.from_config(network.config()) == perceptron([3, 2], [], IDENTITY)


def test_layers_may_be_any_sequence():
    network = Network([Dense(3, 4), RELU])
    assert network == Network((Dense(3, 4), RELU))
    assert hash(network) == hash(Network((Dense(3, 4), RELU)))


def test_what_is_no_layer_and_no_output_is_refused():
    with pytest.raises(TypeError, match="layer 1 is neither Dense nor an Operation: 'relu'"):
        Network((Dense(3, 4), "relu"))
    with pytest.raises(TypeError, match="output must be an Activation, got 'softmax'"):
        Network((Dense(3, 4),), "softmax")


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


def dense(**change):
    return {"layers": [Dense(3, 2).config() | change]}


def activated(name, **settings):
    return {"layers": [Dense(3, 2).config(), {"kind": "activation", "name": name} | settings]}


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"schema": True},
        {"schema": 1.0},
        {"schema": None},
        dense(bias="yes"),
        dense(bias=1),
        dense(bias=None),
        dense(in_features=3.0),
        dense(in_features=True),
        dense(initializer={"name": "zeros"}),
        dense(initializer=3),
        dense(initializer=None),
        dense(kind=["dense"]),
        activated("celu", settings={"alpha": 0}),
        activated("celu", settings={"alpha": -1.0}),
        activated("elu", settings={"alpha": float("nan")}),
        activated("elu", settings={"alpha": float("inf")}),
        activated("elu", settings={"alpha": 10**400}),
        activated("elu", settings={"alpha": "1"}),
        activated("elu", settings={"alpha": True}),
        activated("elu", settings={"alpha": None}),
        activated("elu", settings=[["alpha", 2.0]]),
        activated("elu", settings=None),
        activated("elu"),
        activated(["elu"], settings={}),
        activated("elu", settings={}, colour=1),
        {"output": {"kind": "dense", "name": "softmax", "settings": {}}},
        {"output": {"name": "softmax", "settings": {}}},
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
    ids=repr,
)
def test_a_config_that_describes_no_network_is_a_value_error(change):
    config = perceptron([3, 2], [], IDENTITY).config() | change
    with pytest.raises(ValueError, match=r"\S"):
        Network.from_config(config)


@pytest.mark.parametrize("config", [None, [], 3, "network"])
def test_what_is_no_mapping_describes_no_network(config):
    with pytest.raises(ValueError, match="not the description of a network"):
        Network.from_config(config)
