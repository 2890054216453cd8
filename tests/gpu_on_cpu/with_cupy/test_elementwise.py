"""Ufuncs and arithmetic agree with NumPy, special values included."""

import cupy
import numpy as np
import pytest

DTYPES = [np.float32, np.float64]
SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 3.5, -2.25, 1e-3]

# The bounds in ulp are those that the CUDA C++ Programming Guide states for its functions
# (Mathematical Functions, single and double precision), and one for NumPy's own rounding.
UNARY = {
    "exp": (2, 1), "expm1": (2, 2), "log": (2, 2), "log1p": (2, 2), "tanh": (2, 2), "sin": (2, 2),
    "cos": (2, 2), "sqrt": (0, 0), "sign": (0, 0), "abs": (0, 0), "negative": (0, 0),
    "square": (0, 0), "reciprocal": (1, 0), "floor": (0, 0), "rint": (0, 0),
}  # fmt: skip
BINARY = ["add", "subtract", "multiply", "divide", "maximum", "minimum"]
COMPARISONS = ["less", "less_equal", "greater", "greater_equal", "equal", "not_equal"]


def values(dtype: type, *, positive: bool = False) -> np.ndarray:
    x = np.random.default_rng(0).standard_normal(60) * 3
    return (np.abs(x) + 0.01 if positive else x).astype(dtype)


def agree(got: cupy.ndarray, expected: np.ndarray, ulp: int = 0) -> None:
    assert isinstance(got, cupy.ndarray)
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    if ulp:
        np.testing.assert_array_max_ulp(got.get(), expected, ulp + 1, dtype=expected.dtype.type)
    else:
        np.testing.assert_array_equal(got.get(), expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", list(UNARY))
def test_functions_of_one_argument(name, dtype):
    x = values(dtype, positive=name in ("log", "log1p", "sqrt"))
    ulp = UNARY[name][dtype is np.float64]
    agree(getattr(cupy, name)(cupy.asarray(x)), getattr(np, name)(x), ulp)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["exp", "tanh", "sign", "abs", "log1p"])
def test_functions_of_special_values(name, dtype):
    x = np.array(SPECIAL, dtype)
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(x)
    np.testing.assert_allclose(
        getattr(cupy, name)(cupy.asarray(x)).get(), expected, rtol=4 * np.finfo(dtype).eps
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_exponential_over_its_whole_range(dtype):
    limit = np.log(np.finfo(dtype).max)
    x = np.linspace(-0.97 * limit, 0.99 * limit, 200, dtype=dtype)
    agree(cupy.exp(cupy.asarray(x)), np.exp(x), 2)


@pytest.mark.parametrize("dtype", DTYPES)
def test_trigonometry_of_large_arguments(dtype):
    x = np.array([1e5, -3e7, 1e20, 2.0**100], dtype)
    agree(cupy.sin(cupy.asarray(x)), np.sin(x), 2)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_arguments(name, dtype):
    a = np.array(SPECIAL, dtype)[:, None]
    b = np.array(SPECIAL, dtype)[None, :]
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(a, b)
    agree(getattr(cupy, name)(cupy.asarray(a), cupy.asarray(b)), expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons(name, dtype):
    a, b = np.array(SPECIAL, dtype)[:, None], np.array(SPECIAL, dtype)[None, :]
    agree(getattr(cupy, name)(cupy.asarray(a), cupy.asarray(b)), getattr(np, name)(a, b))


@pytest.mark.parametrize("dtype", DTYPES)
def test_logaddexp(dtype):
    a, b = values(dtype), values(dtype)[::-1].copy()
    got = cupy.logaddexp(cupy.asarray(a), cupy.asarray(b)).get()
    np.testing.assert_allclose(got, np.logaddexp(a, b), rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", DTYPES)
def test_predicates(dtype):
    x = np.array(SPECIAL, dtype)
    for name in ("isnan", "isfinite", "isinf", "signbit"):
        agree(getattr(cupy, name)(cupy.asarray(x)), getattr(np, name)(x))


@pytest.mark.parametrize("dtype", DTYPES)
def test_where_and_clip(dtype):
    x = values(dtype)
    on_device = cupy.asarray(x)
    agree(cupy.where(on_device > 0, on_device, 0.5 * on_device), np.where(x > 0, x, dtype(0.5) * x))
    agree(cupy.clip(on_device, -1, 1), np.clip(x, -1, 1))


@pytest.mark.parametrize("dtype", DTYPES)
def test_arithmetic_with_python_scalars_keeps_the_dtype(dtype):
    x = values(dtype)
    on_device = cupy.asarray(x)
    agree(on_device * 2 + 1, x * 2 + 1)
    agree(1 / on_device - 0.5, 1 / x - dtype(0.5))
    agree(-on_device, -x)
    agree(on_device**2, x**2)


@pytest.mark.parametrize("dtype", DTYPES)
def test_arithmetic_in_place(dtype):
    x, y = values(dtype), values(dtype)[::-1].copy()
    on_device, other = cupy.asarray(x), cupy.asarray(y)
    on_device += 1
    on_device *= other
    on_device -= 0.25
    on_device /= other
    x += 1
    x *= y
    x -= dtype(0.25)
    x /= y
    agree(on_device, x)


@pytest.mark.parametrize("dtype", DTYPES)
def test_broadcasting_and_strides(dtype):
    x = values(dtype).reshape(6, 10)
    on_device = cupy.asarray(x)
    agree(on_device[::2, ::-1] + on_device[0, 3], x[::2, ::-1] + x[0, 3])
    agree(on_device.T * on_device[:, 0], x.T * x[:, 0])


def test_conversions_between_dtypes():
    x = np.array([0.0, 1.5, -1.5, 2.5, 100.75, -0.0])
    on_device = cupy.asarray(x)
    for dtype in (np.float32, np.float16, np.int64, np.int32, np.uint8, np.bool_):
        with np.errstate(invalid="ignore"):
            expected = np.abs(x).astype(dtype)
        agree(abs(on_device).astype(dtype), expected)


def test_subnormals_are_flushed_in_single_precision_as_cupy_compiles_it():
    tiny = np.float32([1e-40])
    assert (cupy.asarray(tiny) * 1).get() == 0
    assert (cupy.asarray(tiny.astype(np.float64)) * 1).get() != 0
