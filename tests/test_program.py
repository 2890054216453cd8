"""Lowering groups and names: one stage for each dense layer, with the operations around it."""

import sys

import pytest

from mlpcore.kernels.reference.operation import Operation, ParameterShape, Scope
from mlpcore.kernels.reference.operations import Activation, Bias, Standardize
from mlpcore.network import Dense, Network, perceptron
from mlpcore.program import lower

RELU, IDENTITY = Activation("relu"), Activation("identity")


def operations(steps):
    return [type(step.operation) for step in steps]


def test_each_dense_layer_opens_a_stage_that_what_follows_belongs_to():
    program = lower(perceptron([4, 3, 2], [RELU], IDENTITY, before=[Standardize()]))
    first, last = program.stages
    assert operations(first.before) == [Standardize]
    assert operations(first.after) == [Bias, Activation]
    assert operations(last.before) == []
    assert operations(last.after) == [Bias]
    assert (first.in_features, first.out_features) == (4, 3)
    assert (program.in_features, program.out_features) == (4, 2)


def test_parameters_are_named_by_layer_and_weights_alone_decay():
    program = lower(perceptron([4, 3, 2], [RELU], IDENTITY, before=[Standardize()]))
    assert [(p.name, p.shape, p.decays) for p in program.parameters] == [
        ("layers.0.weight", (3, 4), True),
        ("layers.0.bias", (3,), False),
        ("layers.1.weight", (2, 3), True),
        ("layers.1.bias", (2,), False),
    ]
    assert [p.name for p in program.state] == ["layers.0.mean", "layers.0.scale"]


def test_a_weight_knows_the_activation_that_chooses_its_initialiser():
    program = lower(perceptron([4, 3, 2], [RELU], Activation("softmax")))
    weights = [p for p in program.parameters if p.initializer]
    assert [str(p.activation) for p in weights] == ["relu", "softmax"]


def test_a_layer_without_bias_has_no_bias_step():
    program = lower(perceptron([4, 2], [], IDENTITY, bias=False))
    assert program.stages[0].after == ()
    assert [p.name for p in program.parameters] == ["layers.0.weight"]


def test_the_pre_activation_is_what_enters_the_last_activation():
    program = lower(perceptron([4, 3, 2], [RELU], IDENTITY))
    assert program.stages[0].activation == 1
    assert program.stages[1].activation is None


def test_the_scope_of_a_stage_is_the_widest_of_its_operations():
    program = lower(perceptron([4, 3, 2], [Activation("softmax")], IDENTITY))
    assert program.stages[0].scope(training=False) is Scope.ROW
    assert program.stages[1].scope(training=False) is Scope.TILE
    assert program.scope(training=False) is Scope.ROW


def test_operations_are_numbered_through_the_program():
    program = lower(perceptron([4, 3, 2], [RELU], IDENTITY, before=[Standardize()]))
    steps = [step for stage in program.stages for step in (*stage.before, *stage.after)]
    assert [step.position for step in steps] == [0, 1, 2, 3]


def work(function):
    """Count the Python calls that `function` makes: a measure of time without its noise."""
    count = 0

    def called(frame, event, argument):
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("activations", [[], [RELU] * 400], ids=["linear", "relu"])
def test_the_work_of_lowering_grows_like_the_depth(activations):
    def lowering(depth):
        layers = []
        for i in range(depth):
            layers += [Dense(2, 2), *activations[i : i + 1]]
        network = Network(tuple(layers))
        return work(lambda: lower(network))

    assert lowering(400) <= 4.1 * lowering(100)


def test_which_results_are_kept_is_found_once():
    program = lower(perceptron([2] * 101, [RELU] * 99, IDENTITY))
    program.kept  # noqa: B018
    assert work(lambda: [program.kept for _ in program.stages]) <= 2


class Forward(Operation):
    kind = "forward"

    def scope(self, training):
        return Scope.TILE

    def sources(self, stage):
        return (stage + 1,)

    def forward(self, call, x):
        raise NotImplementedError

    def backward(self, call, dy):
        raise NotImplementedError


def test_an_operation_cannot_read_a_layer_that_comes_later():
    with pytest.raises(ValueError, match="reads layer 1, which does not come before it"):
        lower(Network((Dense(2, 2), Forward(), Dense(2, 2))))


def test_two_operations_of_a_layer_cannot_own_one_name():
    with pytest.raises(ValueError, match=r"own an array named 'layers\.0\.bias'"):
        lower(Network((Dense(2, 2), Bias())))


class Weighted(Bias):
    def parameters(self, in_features):
        return (ParameterShape("weight", (in_features,)),)


class Counting(Bias):
    def parameters(self, in_features):
        return ()

    def state(self, in_features):
        return (ParameterShape("bias", (in_features,)),)


@pytest.mark.parametrize(
    ("layers", "name"),
    [
        ((Weighted(), Dense(2, 2)), "weight"),
        ((Dense(2, 2), Weighted()), "weight"),
        ((Dense(2, 2), Counting()), "bias"),
    ],
    ids=["before the product", "after the product", "as state"],
)
def test_nor_can_an_operation_own_the_name_of_another_array_of_its_layer(layers, name):
    with pytest.raises(ValueError, match=rf"own an array named 'layers\.0\.{name}'"):
        lower(Network(layers))
