"""Matrix products of every layout agree with NumPy."""

import cupy
import numpy as np
import pytest

DTYPES = [np.float32, np.float64]
RNG = np.random.default_rng(2)


def layouts(a: np.ndarray) -> dict[str, np.ndarray]:
    """The same matrix, stored in different ways."""
    wide = np.zeros((a.shape[0], 2 * a.shape[1]), a.dtype)
    wide[:, ::2] = a
    padded = np.zeros((a.shape[0], a.shape[1] + 3), a.dtype)
    padded[:, : a.shape[1]] = a
    return {
        "rows": a.copy(order="C"),
        "columns": a.copy(order="F"),
        "every second column": wide[:, ::2],
        "part of a wider matrix": padded[:, : a.shape[1]],
    }


def on_device(a: np.ndarray) -> cupy.ndarray:
    """Copy an array with its strides."""
    base = a if a.base is None else a.base
    if base is a:
        return cupy.asarray(a)
    return cupy.ndarray(a.shape, a.dtype, cupy.asarray(base).data, a.strides)


def close(got: cupy.ndarray, a: np.ndarray, b: np.ndarray) -> None:
    """Within the bound of any order of summation: K eps |a| |b|."""
    exact = np.matmul(a.astype(np.float64), b.astype(np.float64))
    magnitude = np.matmul(np.abs(a).astype(np.float64), np.abs(b).astype(np.float64))
    bound = max(a.shape[-1], 1) * np.finfo(a.dtype).eps * magnitude
    assert got.dtype == a.dtype
    assert got.shape == exact.shape
    assert np.all(np.abs(got.get() - exact) <= bound)


@pytest.mark.parametrize(
    "right", ["rows", "columns", "every second column", "part of a wider matrix"]
)
@pytest.mark.parametrize(
    "left", ["rows", "columns", "every second column", "part of a wider matrix"]
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_matrices_in_any_layout(dtype, left, right):
    a = layouts(RNG.standard_normal((5, 7)).astype(dtype))[left]
    b = layouts(RNG.standard_normal((7, 4)).astype(dtype))[right]
    close(on_device(a) @ on_device(b), a, b)


@pytest.mark.parametrize("dtype", DTYPES)
def test_transposes(dtype):
    x, W = RNG.standard_normal((6, 4)).astype(dtype), RNG.standard_normal((3, 4)).astype(dtype)
    dz = RNG.standard_normal((6, 3)).astype(dtype)
    device_x, device_W, device_dz = map(cupy.asarray, (x, W, dz))
    close(device_x @ device_W.T, x, W.T)
    close(device_dz.T @ device_x, dz.T, x)
    close(device_W.T @ device_dz.T, W.T, dz.T)


@pytest.mark.parametrize("dtype", DTYPES)
def test_vectors(dtype):
    A, u, v = (RNG.standard_normal(s).astype(dtype) for s in ((4, 6), 6, 4))
    close(cupy.asarray(A) @ cupy.asarray(u), A, u)
    close(cupy.asarray(v) @ cupy.asarray(A), v, A)
    close(cupy.asarray(u) @ cupy.asarray(u), u, u)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_batch_of_matrices(dtype):
    a, b = (RNG.standard_normal(s).astype(dtype) for s in ((3, 4, 5), (3, 5, 2)))
    close(cupy.asarray(a) @ cupy.asarray(b), a, b)


@pytest.mark.parametrize(
    "shapes", [((0, 3), (3, 4)), ((2, 0), (0, 4)), ((2, 3), (3, 0)), ((0, 0), (0, 0))]
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_empty_matrices(dtype, shapes):
    a, b = (cupy.ones(shape, dtype) for shape in shapes)
    product = a @ b
    assert product.shape == (shapes[0][0], shapes[1][1])
    np.testing.assert_array_equal(product.get(), np.zeros(product.shape))


def test_a_product_into_an_array_that_is_there(gpu_device):
    a, b = (RNG.standard_normal((5, 5)) for _ in range(2))
    out = cupy.full((5, 5), np.nan)
    cupy.matmul(cupy.asarray(a), cupy.asarray(b), out=out)
    close(out, a, b)
    assert sum(gpu_device.counters.library_calls.values()) == 1


def test_einsum_and_outer_products():
    a, b = RNG.standard_normal((4, 3)), RNG.standard_normal((5, 3))
    got = cupy.einsum("ij,kj->ik", cupy.asarray(a), cupy.asarray(b)).get()
    np.testing.assert_allclose(got, a @ b.T, rtol=0, atol=1e-14)
    got = cupy.outer(cupy.asarray(a[0]), cupy.asarray(b[0])).get()
    np.testing.assert_array_equal(got, np.outer(a[0], b[0]))


def test_tf32_is_refused():
    from cupy_backends.cuda.libs import cublas

    handle = cupy.cuda.device.get_cublas_handle()
    with pytest.raises(NotImplementedError, match="TF32"):
        cublas.setMathMode(handle, 3)
