"""Batch and layer normalisation: their statistics, and what they make of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpcore.kernels.reference.operation import Call
from mlpcore.kernels.reference.operations import BatchNorm, LayerNorm


def call_of(operation, width, *, training=False, dtype=np.float64):
    def fresh(shapes):
        return {own.name: np.full(own.shape, own.fill, dtype) for own in shapes}

    parameters = operation.parameters(width)
    return Call(
        np,
        parameters=fresh(parameters),
        gradients=fresh(parameters),
        state=fresh(operation.state(width)),
        training=training,
        saved={},
    )


# Two columns of three rows, with means 4 and 2, variances 26/3 and 6.
X = np.array([[1.0, 2.0], [3.0, -1.0], [8.0, 5.0]])
DY = np.array([[1.0, 0.0], [0.0, 2.0], [-1.0, 1.0]])
# torch.nn.BatchNorm1d(2) of PyTorch 2 gives these for X and DY in float64.
Y = [
    [-1.0190487428175694, 0.0],
    [-0.3396829142725232, -1.2247438507721387],
    [1.3587316570900927, 1.2247438507721387],
]
DX = [
    [0.0653239539281318, -0.4082479502573796],
    [-0.0914529867814638, 0.2041243153347480],
    [0.0261290328533320, 0.2041236349226316],
]


def test_batch_norm_is_that_of_pytorch():
    operation = BatchNorm()
    call = call_of(operation, 2, training=True)
    np.testing.assert_allclose(operation.forward(call, X), Y, rtol=0, atol=1e-15)
    np.testing.assert_allclose(operation.backward(call, DY), DX, rtol=0, atol=1e-15)
    np.testing.assert_allclose(call.gradients["norm_scale"], (np.array(Y) * DY).sum(axis=0))
    np.testing.assert_allclose(call.gradients["norm_shift"], DY.sum(axis=0))
    # 0.9 · 0 + 0.1 · mean, and 0.9 · 1 + 0.1 · 3/2 variance
    np.testing.assert_allclose(call.state["running_mean"], [0.4, 0.2])
    np.testing.assert_allclose(call.state["running_variance"], [2.2, 1.8])


def test_layer_norm_does_to_rows_what_batch_norm_does_to_columns():
    operation = LayerNorm()
    call = call_of(operation, 3)
    np.testing.assert_allclose(operation.forward(call, X.T.copy()).T, Y, rtol=0, atol=1e-15)
    np.testing.assert_allclose(operation.backward(call, DY.T.copy()).T, DX, rtol=0, atol=1e-15)


@given(st.integers(2, 40), st.integers(1, 10), st.integers(0, 2**32))
def test_a_batch_in_training_leaves_with_mean_0_and_variance_1(rows, width, seed):
    x = np.random.default_rng(seed).normal(5, 3, size=(rows, width))
    operation = BatchNorm(eps=1e-12)
    y = operation.forward(call_of(operation, width, training=True), x)
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-10)
    variance = x.var(axis=0)
    np.testing.assert_allclose(y.var(axis=0), variance / (variance + 1e-12), rtol=1e-9)


@given(st.integers(1, 10), st.integers(2, 40), st.integers(0, 2**32))
def test_a_row_leaves_layer_norm_with_mean_0_and_variance_1(rows, width, seed):
    x = np.random.default_rng(seed).normal(5, 3, size=(rows, width))
    operation = LayerNorm(eps=1e-12)
    y = operation.forward(call_of(operation, width), x)
    np.testing.assert_allclose(y.mean(axis=1), 0, atol=1e-10)
    variance = x.var(axis=1)
    np.testing.assert_allclose(y.var(axis=1), variance / (variance + 1e-12), rtol=1e-9)


def test_a_large_mean_costs_no_digits_of_the_variance():
    # Differences of numbers near 2²⁰ are exact in float32; ⟨x²⟩ - μ² would have no right digit.
    x = (2.0**20 + np.array([[0.0], [1.0], [2.0], [5.0]])).astype(np.float32)
    for operation, rows in ((BatchNorm(), x), (LayerNorm(), x.T.copy())):
        call = call_of(operation, rows.shape[1], training=True, dtype=np.float32)
        y = operation.forward(call, rows).ravel()
        np.testing.assert_allclose(y, (np.array([-2, -1, 0, 3]) / np.sqrt(3.5 + 1e-5)), rtol=1e-6)


@pytest.mark.parametrize("momentum", [0.0, 0.25, 1.0])
def test_running_statistics_follow_each_batch_by_the_momentum(momentum):
    operation = BatchNorm(momentum)
    call = call_of(operation, 3, training=True)
    mean, variance = np.zeros(3), np.ones(3)
    for seed in range(4):
        x = np.random.default_rng(seed).normal(seed, 1 + seed, size=(10, 3))
        operation.forward(call, x)
        mean = (1 - momentum) * mean + momentum * x.mean(axis=0)
        variance = (1 - momentum) * variance + momentum * x.var(axis=0, ddof=1)
    np.testing.assert_allclose(call.state["running_mean"], mean, rtol=1e-12)
    np.testing.assert_allclose(call.state["running_variance"], variance, rtol=1e-12)


def test_prediction_uses_running_statistics_that_begin_as_the_identity():
    operation = BatchNorm(eps=1e-5)
    call = call_of(operation, 2)
    np.testing.assert_allclose(operation.forward(call, X), X / np.sqrt(1 + 1e-5), rtol=1e-15)
    call.state["running_mean"][...] = 4, 2
    call.state["running_variance"][...] = 26 / 3, 6
    np.testing.assert_allclose(operation.forward(call, X), Y, rtol=0, atol=1e-15)
    assert list(call.state["running_mean"]) == [4, 2]


def test_one_row_has_no_variance_to_train_with():
    operation = BatchNorm()
    call = call_of(operation, 2, training=True)
    with pytest.raises(ValueError, match="needs two rows or more in a training step; got 1"):
        operation.forward(call, X[:1])
    assert not call.state["running_mean"].any()
    assert operation.forward(call_of(operation, 2), X[:1]).shape == (1, 2)


def test_a_constant_column_and_a_constant_row_come_out_as_the_shift():
    for operation in (BatchNorm(), LayerNorm()):
        call = call_of(operation, 4, training=True)
        call.parameters["norm_shift"][...] = 0.75
        np.testing.assert_array_equal(operation.forward(call, np.full((4, 4), 3.0)), 0.75)


@pytest.mark.parametrize("operation", [BatchNorm, LayerNorm])
@pytest.mark.parametrize("eps", [0, -1e-5, float("nan")])
def test_eps_must_be_positive(operation, eps):
    with pytest.raises(ValueError, match=r"eps of \w+ norm must be (positive|finite)"):
        operation(eps=eps)


@pytest.mark.parametrize("momentum", [-0.1, 1.1])
def test_a_momentum_is_a_share(momentum):
    with pytest.raises(ValueError, match=r"momentum of batch norm must be in \[0, 1\]"):
        BatchNorm(momentum)


def test_norm_parameters_do_not_decay():
    for operation in (BatchNorm(), LayerNorm()):
        assert [(p.name, p.decays) for p in operation.parameters(3)] == [
            ("norm_scale", False),
            ("norm_shift", False),
        ]
