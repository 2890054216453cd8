"""dx = dz W, dW = dzᵀ x and db, and what is fused with them, agree with float64."""

import cupy
import numpy as np
import pytest
from hypothesis import given
from support import cublaslt_cases as cases
from support.cublaslt_cases import Layer

from mlpcore.kernels.cuda.cublaslt import (
    Epilogue,
    empty_auxiliary,
    input_gradient,
    weight_gradient,
)

# |gelu_tanh'| is nowhere greater.
STEEPEST_GELU = 1.13


@given(cases.layers())
def test_the_gradient_of_the_input(layer):
    dz, W = layer.on_device(layer.dz), layer.on_device(layer.W)
    out = layer.empty(layer.rows, layer.inputs)
    input_gradient(dz, W, out)
    cases.within(out, *cases.product(layer.dz, layer.W))


@pytest.mark.parametrize("epilogue", [Epilogue.DRELU, Epilogue.DRELU_BGRAD])
@given(layer=cases.layers(least_outputs=2))
def test_through_relu(epilogue, layer):
    z = layer.random(layer.rows, layer.inputs, name=5)
    mask = empty_auxiliary(epilogue, layer.rows, layer.inputs, layer.dtype)
    packed = np.packbits(z > 0, axis=1, bitorder="little")
    mask[:, : packed.shape[1]] = cupy.asarray(packed)
    out, db = run(layer, epilogue, mask)
    dx, bound = cases.product(layer.dz, layer.W)
    expected = np.where(z > 0, dx, 0)
    cases.within(out, expected, np.where(z > 0, bound, 0))
    if db is not None:
        cases.within(db, *cases.sums(expected, bound, layer.eps))


@pytest.mark.parametrize("epilogue", [Epilogue.DGELU, Epilogue.DGELU_BGRAD])
@given(layer=cases.layers(least_outputs=2))
def test_through_gelu(epilogue, layer):
    z = layer.random(layer.rows, layer.inputs, name=5)
    kept = empty_auxiliary(epilogue, layer.rows, layer.inputs, layer.dtype)
    kept[:, : layer.inputs] = cupy.asarray(z)
    out, db = run(layer, epilogue, kept)
    dx, bound = cases.product(layer.dz, layer.W)
    expected = dx * cases.gelu_tanh_derivative(z.astype(np.float64))
    slack = STEEPEST_GELU * bound + cases.GELU_ERROR[layer.dtype] * (1 + np.abs(z)) * np.abs(dx)
    slack += 8 * layer.eps * np.abs(dx) * (1 + np.abs(z) ** 3)
    cases.within(out, expected, slack)
    if db is not None:
        cases.within(db, *cases.sums(expected, slack, layer.eps))


def run(
    layer: Layer, epilogue: Epilogue, aux: cupy.ndarray
) -> tuple[cupy.ndarray, cupy.ndarray | None]:
    """Return dz of the layer before, and its db if the epilogue sums it."""
    out = layer.empty(layer.rows, layer.inputs)
    db = layer.empty(layer.inputs) if epilogue.sums_bias_gradient else None
    dz, W = layer.on_device(layer.dz), layer.on_device(layer.W)
    input_gradient(dz, W, out, epilogue, aux, db)
    return out, db


@given(cases.layers())
def test_the_gradient_of_the_weights(layer):
    out = layer.empty(layer.outputs, layer.inputs)
    weight_gradient(layer.on_device(layer.dz), layer.on_device(layer.x), out)
    cases.within(out, *cases.product(layer.dz.T.copy(), layer.x))


@given(cases.layers(least_outputs=2))
def test_the_gradient_of_weights_and_bias(layer):
    out, db = layer.empty(layer.outputs, layer.inputs), layer.empty(layer.outputs)
    weight_gradient(layer.on_device(layer.dz), layer.on_device(layer.x), out, db)
    cases.within(out, *cases.product(layer.dz.T.copy(), layer.x))
    cases.within(db, *cases.sums(layer.dz.astype(np.float64), 0.0, layer.eps))


@pytest.mark.parametrize("dtype", cases.DTYPES)
def test_without_rows_every_sum_is_zero(dtype):
    layer = Layer(0, 3, 4, dtype)
    dz, x = layer.on_device(layer.dz), layer.on_device(layer.x)
    dW, db = layer.empty(4, 3), layer.empty(4)
    weight_gradient(dz, x, dW, db)
    assert not dW.any()
    assert not db.any()
    db = layer.empty(3)
    mask = empty_auxiliary(Epilogue.DRELU_BGRAD, 0, 3, dtype)
    W, dx = layer.on_device(layer.W), layer.empty(0, 3)
    input_gradient(dz, W, dx, Epilogue.DRELU_BGRAD, mask, db)
    assert not db.any()


@pytest.mark.parametrize("dtype", cases.DTYPES)
def test_the_mask_of_the_forward_product_serves_the_backward_product(dtype):
    from mlpcore.kernels.cuda.cublaslt import affine

    layer = Layer(9, 5, 130, dtype)
    z, bound = cases.affine(layer)
    assert np.all(np.abs(z) > bound)  # so that every bit of the mask is certain
    mask = empty_auxiliary(Epilogue.RELU_AUX_BIAS, 9, 130, dtype)
    x, W, b = map(layer.on_device, (layer.x, layer.W, layer.b))
    affine(x, W, b, layer.empty(9, 130), Epilogue.RELU_AUX_BIAS, mask)
    after = Layer(9, 130, 7, dtype, seed=1)
    out, db = run(after, Epilogue.DRELU_BGRAD, mask)
    da, da_bound = cases.product(after.dz, after.W)
    cases.within(out, da * (z > 0), da_bound)
    cases.within(db, *cases.sums(da * (z > 0), da_bound, layer.eps))
