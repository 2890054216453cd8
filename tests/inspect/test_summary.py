"""A summary gives the published figures of well-known networks, exactly."""

import json

import pytest

from mlpcore.inspect import summary
from mlpcore.model import MLP
from mlpcore.optim import optimizer

PUBLISHED = [
    ([784, 256, 10], 203_530, 406_528),
    ([784, 512, 256, 10], 535_818, 1_070_080),
    ([3072, 1024, 512, 256, 10], 3_805_450, 7_607_296),
    ([768, 3072, 768], 4_722_432, 9_437_184),
]


def strict(text):
    """Read JSON as its standard defines it, which has no NaN."""

    def refuse(name):
        raise ValueError(name)

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize(("sizes", "parameters", "flops"), PUBLISHED)
def test_parameters_and_flops_are_the_published_ones(sizes, parameters, flops, device):
    model = MLP(sizes, initializer="zeros", device=device, seed=0)
    found = summary(model)
    assert found.parameters == model.num_parameters == parameters
    assert found.flops == flops
    assert sum(layer.parameters for layer in found.layers) == parameters
    assert sum(layer.flops for layer in found.layers) == flops


@pytest.mark.parametrize(("sizes", "parameters", "flops"), PUBLISHED[:2])
def test_flops_grow_with_the_batch_and_parameters_do_not(sizes, parameters, flops, device):
    found = summary(MLP(sizes, initializer="zeros", device=device, seed=0), batch_size=128)
    assert (found.parameters, found.flops) == (parameters, 128 * flops)


def test_a_training_step_has_three_products_a_layer_but_no_gradient_of_the_input(device):
    found = summary(MLP([784, 256, 10], initializer="zeros", device=device, seed=0))
    assert found.training_flops == 3 * 406_528 - 2 * 784 * 256


def test_each_layer_has_its_shapes_operations_and_bytes(device):
    model = MLP([4, 8, 3], standardize=True, output="softmax", device=device, seed=0)
    first, last = summary(model, 16).layers
    assert (first.name, last.name) == ("layers.0", "layers.1")
    assert (first.input_shape, first.output_shape) == ((16, 4), (16, 8))
    assert (last.input_shape, last.output_shape) == ((16, 8), (16, 3))
    assert first.operations[-2:] == ("4 → 8", "relu")
    assert last.operations == ("8 → 3",)
    assert (first.parameters, last.parameters) == (4 * 8 + 8, 8 * 3 + 3)
    assert first.parameter_bytes == 4 * first.parameters
    assert first.training_bytes == 16 * (4 + 8 + 8) * 4  # the standardised x, z, a
    assert last.training_bytes == 16 * 3 * 4  # its x is the a of the first


def test_kept_activations_of_the_layers_and_the_input_are_all_of_training(device):
    found = summary(MLP([4, 8, 3], device=device, seed=0), 16)
    kept = sum(layer.training_bytes for layer in found.layers)
    assert found.memory.input + kept == found.memory.training_activations


def test_json_holds_every_figure(device):
    model = MLP([4, 8, 3], output="softmax", dtype="float64", device=device, seed=0)
    found = summary(model, 2, optimizer=optimizer("adam"))
    read = strict(found.to_json())
    assert read["dtype"] == "float64"
    assert read["batch_size"] == 2
    assert read["parameters"] == 67
    assert read["flops"] == {"inference": found.flops, "training": found.training_flops}
    assert read["bytes"]["optimizer"] == found.memory.optimizer
    assert read["bytes"]["training"] == found.memory.training
    assert [layer["output_shape"] for layer in read["layers"]] == [[2, 8], [2, 3]]
    assert strict(found.to_json(indent=2)) == read


def test_it_prints_figures_and_what_they_count(device):
    model = MLP([784, 256, 10], output="softmax", initializer="zeros", device=device, seed=0)
    text = str(summary(model, 2, optimizer=optimizer("adam")))
    assert text.startswith("784-256-10 for 2 rows (float32, ")
    lines = text.splitlines()
    first = next(line for line in lines if line.startswith("layers.0"))
    for part in ("784 → 256", "relu", "(2, 784)", "(2, 256)", "200,960", f"{2 * 401_408:,}"):
        assert part in first
    total = next(line for line in lines if line.startswith("total"))
    assert "203,530" in total
    assert "813,056" in total
    assert "2 · rows · in · out" in text
    assert f"{4 * 203_530:,}  parameters" in text
    assert "what the optimizer keeps" in text


def test_what_takes_no_bytes_is_not_printed(device):
    text = str(summary(MLP([4, 3], device=device, seed=0)))
    assert "for 1 row (" in text
    assert "optimizer" not in text
    assert "does not differentiate" not in text


@pytest.mark.parametrize("batch_size", [0, -1, True])
def test_a_batch_has_at_least_one_row(batch_size, device):
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        summary(MLP([4, 3], device=device, seed=0), batch_size)


def test_a_batch_size_is_a_whole_number(device):
    with pytest.raises(TypeError, match=r"batch_size must be a whole number, got 2\.5"):
        summary(MLP([4, 3], device=device, seed=0), 2.5)


def test_an_optimizer_may_be_named(device):
    model = MLP([4, 3], device=device, seed=0)
    by_name = summary(model, optimizer="adam").memory
    assert by_name == summary(model, optimizer=optimizer("adam")).memory
    with pytest.raises(ValueError, match="adam"):
        summary(model, optimizer="adaam")
