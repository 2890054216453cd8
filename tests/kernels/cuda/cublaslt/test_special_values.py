"""Where cuBLASLt departs from the reference, and where it does not.

If one of the former fails on a GPU, what `cublaslt/activations.py` says of ReLU is outdated.
"""

import cupy
import numpy as np
import pytest

from mlpcore.kernels.cuda.cublaslt import (
    Epilogue,
    affine,
    empty_auxiliary,
    input_gradient,
    weight_gradient,
)

DTYPES = ["float32", "float64"]


def relu_of(values: list[float], dtype: str) -> tuple[np.ndarray, cupy.ndarray]:
    """ReLU of each value as a row of its own, and the mask."""
    x = cupy.asarray(values, dtype)[:, None]
    out, mask = cupy.empty_like(x), empty_auxiliary(Epilogue.RELU_AUX_BIAS, len(x), 1, dtype)
    one, zero = cupy.ones((1, 1), dtype), cupy.zeros(1, dtype)
    affine(x, one, zero, out, Epilogue.RELU_AUX_BIAS, mask)
    return out.get()[:, 0], mask


@pytest.mark.parametrize("dtype", DTYPES)
def test_relu_of_nan_is_zero(dtype):
    values, _ = relu_of([np.nan, np.inf, -np.inf], dtype)
    assert values.tolist() == [0, np.inf, 0]


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_derivative_of_relu_at_zero_is_one(dtype):
    _, mask = relu_of([-1.0, 0.0, 1.0], dtype)
    dz, W = cupy.ones((3, 2), dtype), cupy.ones((2, 1), dtype)
    out = cupy.empty((3, 1), dtype)
    input_gradient(dz, W, out, Epilogue.DRELU, mask)
    assert out.get()[:, 0].tolist() == [0, 2, 2]


@pytest.mark.parametrize("dtype", DTYPES)
def test_nan_and_infinities_pass_through_a_product_and_a_bias(dtype):
    x = cupy.asarray([[1.0, np.nan], [np.inf, 1.0], [np.inf, -np.inf]], dtype)
    W, b = cupy.ones((1, 2), dtype), cupy.ones(1, dtype)
    out = cupy.empty((3, 1), dtype)
    affine(x, W, b, out)
    assert np.isnan(out.get()[[0, 2], 0]).all()
    assert out.get()[1, 0] == np.inf


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_was_in_the_result_before_does_not_matter(dtype):
    x = cupy.ones((4, 3), dtype)
    out, db = cupy.full((2, 3), np.nan, dtype), cupy.full(2, np.nan, dtype)
    weight_gradient(cupy.ones((4, 2), dtype), x, out, db)
    assert (out == 4).all()
    assert (db == 4).all()
