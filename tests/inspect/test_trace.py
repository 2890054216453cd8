"""A trace shows the forward pass as it is, and describes every array of it."""

import json

import numpy as np
import pytest

from mlpcore.inspect import trace
from mlpcore.model import MLP


def strict(text):
    """Read JSON as its standard defines it, which has no NaN."""

    def refuse(name):
        raise ValueError(name)

    return json.loads(text, parse_constant=refuse)


@pytest.fixture
def model(device):
    return MLP([4, 6, 3], output="softmax", device=device, seed=0)


@pytest.fixture
def x():
    return np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)


@pytest.fixture
def worked(device):
    """A network of 2-3-2-1 whose values for the input [3, 1] can be computed in the head."""
    model = MLP([2, 3, 2, 1], output="sigmoid", dtype="float64", device=device, seed=0)
    model.set_parameters(
        {
            "layers.0.weight": np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 1.0]]),
            "layers.0.bias": np.zeros(3),
            "layers.1.weight": np.array([[1.0, -1.0, 5.0], [0.0, 2.0, 7.0]]),
            "layers.1.bias": np.array([0.0, -1.0]),
            "layers.2.weight": np.array([[1.0, 1.0]]),
            "layers.2.bias": np.array([0.0]),
        }
    )
    return model


def test_it_shows_each_step_of_a_worked_example(worked):
    found = trace(worked, [3.0, 1.0])
    assert [(step.name, step.operation, step.array.tolist()) for step in found.steps[:-1]] == [
        ("input", "", [3, 1]),
        ("layers.0 z", "2 → 3", [3, 1, -2]),
        ("layers.0 a", "relu", [3, 1, 0]),
        ("layers.1 z", "3 → 2", [2, 1]),
        ("layers.1 a", "relu", [2, 1]),
        ("layers.2 z", "2 → 1", [3]),
        ("layers.2 a", "", [3]),
    ]
    assert (found.steps[-1].name, found.steps[-1].operation) == ("output", "sigmoid")
    np.testing.assert_allclose(found.output, [1 / (1 + np.exp(-3))], rtol=1e-15)


def test_it_describes_each_step_of_a_worked_example(worked):
    z, a = trace(worked, [3.0, 1.0]).steps[1:3]
    assert (z.statistics.min, z.statistics.max) == (-2, 3)
    assert z.statistics.mean == pytest.approx(2 / 3)
    assert z.statistics.std == pytest.approx(np.sqrt(38) / 3)  # of 7/3, 1/3 and -8/3
    assert (z.statistics.sparsity, a.statistics.sparsity) == (0, 1 / 3)


def test_the_arrays_are_those_of_the_forward_pass(model, x):
    found = trace(model, x)
    _, cache = model.forward(x)
    for layer, cached in zip(found, cache.layers, strict=True):
        np.testing.assert_array_equal(layer.z, cached.z)
        np.testing.assert_array_equal(layer.a, cached.a)
    np.testing.assert_array_equal(found.steps[0].array, x)
    np.testing.assert_array_equal(found[1].x, found[0].a)


@pytest.mark.parametrize("output", ["identity", "softmax", "sigmoid", "log_softmax"])
def test_the_output_is_the_prediction(output, x, device):
    model = MLP([4, 6, 3], output=output, device=device, seed=0)
    np.testing.assert_array_equal(trace(model, x).output, model(x))


def test_it_is_a_sequence_of_layers(model, x):
    found = trace(model, x)
    assert len(found) == 2
    assert [layer.name for layer in found] == ["layers.0", "layers.1"]
    assert found[-1] is found[1]
    assert [layer.index for layer in found[:1]] == [0]
    with pytest.raises(IndexError):
        found[2]


@pytest.mark.parametrize("lead", [(), (1,), (5,), (2, 3)], ids=str)
def test_shapes_are_those_that_came_in(lead, model):
    found = trace(model, np.ones((*lead, 4)))
    widths = [4, 6, 6, 3, 3, 3]
    assert [step.array.shape for step in found.steps] == [(*lead, width) for width in widths]
    assert {step.array.dtype for step in found.steps} == {np.dtype("float32")}


def test_no_rows_have_shapes_but_no_statistics(model):
    found = trace(model, np.empty((0, 4)))
    assert found[0].z.shape == (0, 6)
    read = strict(found.to_json())["steps"][1]
    assert read["shape"] == [0, 6]
    assert read["min"] is read["max"] is read["mean"] is read["std"] is read["sparsity"] is None
    assert read["nan"] == read["inf"] == 0
    assert str(found).splitlines()[2].split()[-7:] == ["-", "-", "-", "-", "-", "0", "0"]


def test_nan_and_infinities_are_counted_in_silence(model, x):
    x[0, 0], x[1, 0] = np.nan, np.inf
    first, z, *_ = trace(model, x).steps
    assert (first.statistics.nan, first.statistics.inf) == (1, 1)
    assert z.statistics.nan == 6  # the row of NaN; an infinity times a weight is infinite
    assert z.statistics.inf == 6
    assert np.isfinite([z.statistics.mean, z.statistics.std]).all()


def test_json_has_the_statistics_of_every_step(model, x):
    found = trace(model, x)
    read = strict(found.to_json())
    assert read["dtype"] == "float32"
    assert [step["name"] for step in read["steps"]] == [step.name for step in found.steps]
    a = read["steps"][2]
    assert (a["layer"], a["quantity"], a["operation"]) == (0, "a", "relu")
    assert a["mean"] == pytest.approx(found[0].a.mean(dtype=np.float64), rel=1e-12)
    assert a["std"] == pytest.approx(found[0].a.std(dtype=np.float64), rel=1e-12)
    assert (a["min"], a["max"]) == (0, found[0].a.max())
    assert a["sparsity"] == (found[0].z <= 0).mean()
    assert "values" not in a
    assert strict(found.to_json(indent=2)) == read


def test_json_has_the_values_on_request(worked):
    steps = strict(trace(worked, [[3.0, 1.0]]).to_json(values=True))["steps"]
    assert steps[1]["values"] == [[3, 1, -2]]


def test_values_that_json_cannot_hold_are_named(worked):
    x = np.array([[np.nan, 1.0], [np.inf, 1.0], [-np.inf, 1.0]])
    steps = strict(trace(worked, x).to_json(values=True))["steps"]
    assert steps[0]["values"] == [["NaN", 1], ["Infinity", 1], ["-Infinity", 1]]


def test_it_prints_one_line_for_each_step(model, x):
    found = trace(model, x)
    heading, *lines = str(found).splitlines()
    assert heading.split()[:2] == ["step", "computed"]
    assert len(lines) == len(found.steps)
    for line, step in zip(lines, found.steps, strict=True):
        assert line.startswith(step.name)
        assert str(step.array.shape) in line
        assert f"{step.statistics.mean:.4g}" in line
    relu = found.steps[2]
    assert " relu " in lines[2]
    assert f"{100 * relu.statistics.sparsity:.1f} %" in lines[2]
    assert " = z " in lines[4]
    assert repr(found) == str(found)


def test_what_comes_before_a_product_is_a_step_of_its_own(x, device):
    model = MLP([4, 3], standardize=True, device=device, seed=0)
    model.adapt(x)
    found = trace(model, x)
    assert [step.name for step in found.steps][:3] == ["input", "layers.0 x", "layers.0 z"]
    assert found.steps[1].statistics.mean == pytest.approx(0, abs=1e-6)
    assert found.steps[1].statistics.std == pytest.approx(1, rel=1e-6)
    np.testing.assert_array_equal(found[0].x, found.steps[1].array)


def test_an_activation_of_a_users_own_has_its_name(x, device):
    def cube(z):
        return z**3

    model = MLP([4, 3, 2], activation=(cube, lambda z: 3 * z**2), device=device, seed=0)
    found = trace(model, x)
    assert found.steps[2].operation == "cube"
    np.testing.assert_allclose(found[0].a, found[0].z ** 3, rtol=1e-6)


def test_statistics_stay_what_they_were_in_the_pass(model, x):
    found = trace(model, x)
    before = found.to_json()
    found[0].z[...] = 7
    assert found.to_json() == before


def test_an_input_of_another_width_is_refused(model):
    with pytest.raises(ValueError, match=r"shape \(\.\.\., 4\)"):
        trace(model, np.ones((2, 5)))
