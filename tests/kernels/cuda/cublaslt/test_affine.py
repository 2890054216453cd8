"""z = x Wᵀ + b and its activations agree with float64."""

import cupy
import numpy as np
import pytest
from hypothesis import given
from support import cublaslt_cases as cases
from support.cublaslt_cases import Layer

from mlpcore.kernels.cuda.cublaslt import Epilogue, affine, empty_auxiliary

# |gelu_tanh'| is nowhere greater.
STEEPEST_GELU = 1.13


def run(layer: Layer, epilogue: Epilogue) -> tuple[cupy.ndarray, cupy.ndarray | None]:
    """Return what is written to `out` and to the auxiliary array."""
    x, W, b = map(layer.on_device, (layer.x, layer.W, layer.b))
    out = layer.empty(layer.rows, layer.outputs)
    aux = empty_auxiliary(epilogue, layer.rows, layer.outputs, layer.dtype)
    affine(x, W, b if epilogue.adds_bias else None, out, epilogue, aux)
    return out, aux


@given(cases.layers())
def test_a_product_alone(layer):
    out, _ = run(layer, Epilogue.NONE)
    cases.within(out, *cases.product(layer.x, layer.W.T))


@given(cases.layers())
def test_a_bias(layer):
    out, _ = run(layer, Epilogue.BIAS)
    cases.within(out, *cases.affine(layer))


@given(cases.layers())
def test_relu(layer):
    out, _ = run(layer, Epilogue.RELU_BIAS)
    z, bound = cases.affine(layer)
    cases.within(out, np.maximum(z, 0), bound)


@given(cases.layers())
def test_relu_with_a_mask_of_what_is_positive(layer):
    out, mask = run(layer, Epilogue.RELU_AUX_BIAS)
    z, bound = cases.affine(layer)
    cases.within(out, np.maximum(z, 0), bound)
    sure = np.abs(z) > bound
    assert np.array_equal(cases.mask_bits(mask, layer.outputs)[sure], (z > 0)[sure])


@given(cases.layers())
def test_gelu_in_its_tanh_form(layer):
    out, _ = run(layer, Epilogue.GELU_BIAS)
    z, bound = cases.affine(layer)
    slack = STEEPEST_GELU * bound + cases.GELU_ERROR[layer.dtype] * np.abs(z)
    cases.within(out, cases.gelu_tanh(z), slack)


@given(cases.layers())
def test_gelu_that_keeps_its_input(layer):
    out, kept = run(layer, Epilogue.GELU_AUX_BIAS)
    z, bound = cases.affine(layer)
    slack = STEEPEST_GELU * bound + cases.GELU_ERROR[layer.dtype] * np.abs(z)
    cases.within(out, cases.gelu_tanh(z), slack)
    cases.within(kept[:, : layer.outputs], z, bound)


@pytest.mark.parametrize("dtype", cases.DTYPES)
def test_gelu_is_not_the_one_with_erf(dtype):
    from scipy.special import ndtr

    z = np.linspace(-4, 4, 65)
    x, W, b = (cupy.asarray(v, dtype) for v in (z[:, None], np.ones((1, 1)), np.zeros(1)))
    out = cupy.empty((65, 1), dtype)
    affine(x, W, b, out, Epilogue.GELU_BIAS)
    tolerance = cases.GELU_ERROR[dtype] * np.abs(z)
    assert np.all(np.abs(out.get()[:, 0] - cases.gelu_tanh(z)) <= tolerance)
    assert np.max(np.abs(out.get()[:, 0] - z * ndtr(z))) > 4e-4  # how far the two forms are apart


@pytest.mark.parametrize("rows", [1, 1024, 5000])
@pytest.mark.parametrize("dtype", cases.DTYPES)
def test_fewer_and_more_rows_than_the_algorithm_was_chosen_for(dtype, rows):
    layer = Layer(rows, 33, 17, dtype)
    out, _ = run(layer, Epilogue.BIAS)
    cases.within(out, *cases.affine(layer))


def test_no_rows_at_all():
    out, _ = run(Layer(0, 3, 4, "float32"), Epilogue.BIAS)
    assert out.shape == (0, 4)
