"""Each layer's backward pass is the derivative of its forward pass, for any shape."""

import array_api_strict
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.differences import central_differences, relative_error

from mlpcore.kernels.reference.operation import Call, RandomKey
from mlpcore.kernels.reference.operations import (
    BatchNorm,
    Dropout,
    GaussianNoise,
    LayerNorm,
    Residual,
)

LAYERS = {
    "dropout": Dropout(0.4),
    "noise": GaussianNoise(0.7),
    "batch norm": BatchNorm(0.3, 1e-2),
    "layer norm": LayerNorm(1e-2),
    "residual": Residual(2),
}
KEY = RandomKey(seed=3, step=5, layer=2, row=7)


def arrays(shapes, rng, xp=np):
    """Return positive arrays, as variances and scales must be, that are far from one another."""
    return {own.name: xp.asarray(rng.uniform(0.5, 2, own.shape)) for own in shapes}


def call_of(operation, x, rng, training, xp=np):
    sources = len(operation.sources(9))
    parameters = operation.parameters(x.shape[1])
    return Call(
        xp,
        parameters=arrays(parameters, rng, xp),
        gradients={own.name: xp.asarray(np.full(own.shape, np.nan)) for own in parameters},
        state=arrays(operation.state(x.shape[1]), rng, xp),
        sources=tuple(xp.asarray(rng.normal(size=x.shape)) for _ in range(sources)),
        training=training,
        random=KEY if training else None,
        saved={},
    )


@pytest.mark.parametrize("training", [False, True], ids=["prediction", "training"])
@pytest.mark.parametrize("operation", LAYERS.values(), ids=LAYERS)
@given(rows=st.integers(2, 9), width=st.integers(1, 9), seed=st.integers(0, 2**32))
def test_backward_is_the_derivative_of_forward(operation, training, rows, width, seed):
    rng = np.random.default_rng(seed)
    x, dy = rng.normal(size=(rows, width)), rng.normal(size=(rows, width))
    call = call_of(operation, x, rng, training)
    kept = {name: value.copy() for name, value in call.state.items()}

    def scalar():
        for name, value in kept.items():
            call.state[name][...] = value
        return float((operation.forward(call, x) * dy).sum())

    scalar()
    dx = operation.backward(call, dy)
    found = [dx, *call.gradients.values(), *call.source_gradients]
    varied = [x, *call.parameters.values(), *call.sources]
    # A normalised value moves by at most 1 / √ε = 10 where x moves by 1, and its second and third
    # derivatives grow with the square and the cube of that, so a smaller step would only round.
    expected = [central_differences(scalar, each) for each in varied]
    together = [np.concatenate([each.ravel() for each in of]) for of in (found, expected)]
    assert relative_error(*together) < 1e-5


@pytest.mark.parametrize("training", [False, True], ids=["prediction", "training"])
@pytest.mark.parametrize("operation", LAYERS.values(), ids=LAYERS)
def test_the_array_api_standard_is_all_that_a_layer_needs(operation, training):
    results = []
    for xp in (np, array_api_strict):
        rng = np.random.default_rng(1)
        x, dy = (xp.asarray(rng.normal(size=(6, 5))) for _ in range(2))
        call = call_of(operation, x, rng, training, xp)
        y = operation.forward(call, x)
        dx = operation.backward(call, dy)
        results.append([y, dx, *call.gradients.values(), *call.state.values()])
    for plain, strict in zip(*results, strict=True):
        np.testing.assert_allclose(np.asarray(strict), plain, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("operation", LAYERS.values(), ids=LAYERS)
def test_results_have_the_dtype_of_the_model(operation, dtype):
    rng = np.random.default_rng(2)
    x = rng.normal(size=(6, 5)).astype(dtype)
    for training in (False, True):
        call = call_of(operation, x, rng, training)
        for of in (call.parameters, call.state):
            for name in of:
                of[name] = of[name].astype(dtype)
        call.sources = tuple(source.astype(dtype) for source in call.sources)
        y = operation.forward(call, x)
        assert y.dtype == operation.backward(call, y).dtype == dtype


@pytest.mark.parametrize("operation", LAYERS.values(), ids=LAYERS)
def test_a_layer_is_the_same_again_from_its_config(operation):
    again = type(operation).from_config(operation.config())
    assert again == operation
    assert hash(again) == hash(operation)
