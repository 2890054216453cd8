"""The arguments of MLP as the layers they stand for."""

import pytest

from mlpcore.kernels.reference.operations import (
    Activation,
    BatchNorm,
    Dropout,
    GaussianNoise,
    LayerNorm,
    Residual,
    Standardize,
)
from mlpcore.network import Dense
from mlpcore.nn.architecture import architecture

RELU, TANH = Activation("relu"), Activation("tanh")


def layers(sizes, activation="relu", **options):
    return architecture(sizes, activation, "identity", **options).layers


def test_a_hidden_layer_is_product_norm_activation_residual_dropout():
    found = layers([4, 5, 5, 3], norm="batch", residual=True, dropout=0.25)
    assert found == (
        Dense(4, 5),
        BatchNorm(),
        RELU,
        Dropout(0.25),
        Dense(5, 5),
        BatchNorm(),
        RELU,
        Residual(),
        Dropout(0.25),
        Dense(5, 3),
    )


def test_the_input_is_standardised_then_disturbed_then_dropped():
    found = layers([4, 3], standardize=True, input_noise=0.5, input_dropout=0.125)
    assert found == (Standardize(), GaussianNoise(0.5), Dropout(0.125), Dense(4, 3))


def test_the_last_layer_has_its_activation_alone():
    found = layers([4, 5, 3], ["relu", "tanh"], norm="layer", dropout=0.5)
    assert found[-2:] == (Dense(5, 3), TANH)
    assert found[1:4] == (LayerNorm(), RELU, Dropout(0.5))
    assert layers([4, 3], norm="batch", dropout=0.5) == (Dense(4, 3),)


def test_residuals_join_hidden_layers_of_equal_widths_alone():
    found = layers([5, 5, 5, 6, 6, 6], residual=True)
    at = [i for i, layer in enumerate(found) if isinstance(layer, Residual)]
    assert [found[i - 2] for i in at] == [Dense(5, 5), Dense(6, 6)]
    assert at == [4, 9]  # not in the first layer, nor where 5 becomes 6, nor in the last


def test_each_layer_may_have_a_rate_of_its_own_and_0_is_no_dropout():
    found = layers([4, 5, 5, 3], dropout=[0.5, 0])
    assert found == (Dense(4, 5), RELU, Dropout(0.5), Dense(5, 5), RELU, Dense(5, 3))
    assert Dropout(0) not in layers([4, 5, 3], dropout=0.0)


def test_a_norm_may_come_with_settings():
    norm = BatchNorm(momentum=0.01, eps=1e-3)
    assert layers([4, 5, 3], norm=norm)[1] is norm


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"dropout": 1.0}, ValueError, r"dropout must be in \[0, 1\), got 1.0"),
        ({"dropout": [0.1, -0.1]}, ValueError, r"dropout\[1\] must be in \[0, 1\), got -0.1"),
        ({"dropout": [0.1]}, ValueError, "one rate for each of the 2 hidden layers, got 1"),
        ({"dropout": "0.5"}, TypeError, "dropout must be a number, got '0.5'"),
        ({"input_dropout": 2}, ValueError, r"input_dropout must be in \[0, 1\), got 2"),
        ({"input_noise": -1}, ValueError, "input_noise must not be negative, got -1"),
        ({"norm": "btach"}, ValueError, "unknown norm 'btach'; .* did you mean 'batch'?"),
        ({"norm": True}, TypeError, "norm must be a name, a BatchNorm, a LayerNorm or None"),
        ({"residual": 1}, TypeError, "residual must be True or False, got 1"),
        ({"residual": True}, ValueError, r"the widths of the hidden layers are \[5, 6\]"),
    ],
)
def test_what_does_not_fit_is_said_by_the_name_of_the_argument(options, error, words):
    with pytest.raises(error, match=words):
        layers([4, 5, 6, 3], **options)


def test_what_is_said_of_each_hidden_layer_says_nothing_where_there_is_none():
    plain = architecture([6, 4], "relu", "identity")
    assert architecture([6, 4], "tanh", "identity", norm="batch", dropout=0.5) == plain
    assert [type(layer) for layer in plain.layers] == [Dense]
    of_the_input = architecture([6, 4], "relu", "identity", input_dropout=0.5, standardize=True)
    assert [type(layer) for layer in of_the_input.layers] == [Standardize, Dropout, Dense]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"norm": "bach"}, "norm"),
        ({"dropout": 1.5}, "dropout"),
        ({"dropout": [0.5]}, "one rate for each of the 0 hidden layers, got 1"),
        ({"residual": True}, "the widths of the hidden layers are"),
    ],
)
def test_yet_its_values_are_checked(given, words):
    with pytest.raises(ValueError, match=words):
        architecture([6, 4], "relu", "identity", **given)
