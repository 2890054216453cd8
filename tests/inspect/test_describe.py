"""The text of a model shows its network, layer by layer."""

import pytest

from mlpcore.device import resolve
from mlpcore.kernels.reference.operations import Activation
from mlpcore.model import MLP
from mlpcore.network import Dense, Network


def test_it_shows_widths_activations_and_parameters_of_each_layer(device):
    model = MLP([784, 256, 10], output="softmax", initializer="zeros", device=device, seed=0)
    assert repr(model).splitlines() == [
        f"MLP(203,530 parameters, float32, {resolve(device)})",
        "  0: 784 → 256  relu  (200,960 parameters)",
        "  1: 256 → 10  (2,570 parameters)",
        "  output: softmax",
    ]


def test_it_shows_the_dtype_and_the_settings_of_an_activation(device):
    relu = Activation("leaky_relu", (("slope", 0.2),))
    lines = repr(MLP([4, 3, 2], relu, dtype="float64", device=device, seed=0)).splitlines()
    assert "float64" in lines[0]
    assert lines[1] == "  0: 4 → 3  leaky_relu(slope=0.2)  (15 parameters)"
    assert lines[-1] == "  output: identity"


def test_it_says_where_there_is_no_bias(device):
    lines = repr(MLP([4, 3], bias=False, device=device, seed=0)).splitlines()
    assert lines[1] == "  0: 4 → 3  (12 parameters, no bias)"


def test_it_shows_what_comes_before_a_product_before_it(device):
    network = Network((Activation("tanh"), Dense(4, 3), Activation("relu")))
    lines = repr(MLP.from_network(network, device=device, seed=0)).splitlines()
    assert lines[1] == "  0: tanh  4 → 3  relu  (15 parameters)"


def test_the_layers_of_a_deep_network_keep_their_own_parameters(device):
    """Layer 1 does not count those of layers 10 to 12, whose names begin alike."""
    model = MLP([2] * 14, device=device, seed=0)
    lines = repr(model).splitlines()[1:-1]
    assert len(lines) == 13
    assert all("(6 parameters)" in line for line in lines)


def test_a_subclass_goes_by_its_own_name(device):
    class Policy(MLP):
        pass

    assert repr(Policy([2, 1], device=device, seed=0)).startswith("Policy(3 parameters, ")


@pytest.mark.parametrize("output", ["identity", "softmax", "sigmoid", "log_softmax"])
def test_it_ends_with_the_output(output, device):
    assert repr(MLP([2, 2], output=output, device=device, seed=0)).endswith(f"  output: {output}")
