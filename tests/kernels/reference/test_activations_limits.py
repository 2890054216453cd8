"""Activations at the ends of the range of floats, at infinity and at NaN."""

import numpy as np
import pytest

from mlpcore.kernels.reference.activations import ACTIVATIONS
from mlpcore.kernels.reference.operation import Scope

ELEMENTWISE = [n for n, f in ACTIVATIONS.items() if f.scope is Scope.TILE]
DTYPES = [np.float32, np.float64]
INF, NAN = np.inf, np.nan

# f(-∞), f(+∞), f'(-∞), f'(+∞)
LIMITS = {
    "identity": (-INF, INF, 1, 1),
    "relu": (0, INF, 0, 1),
    "leaky_relu": (-INF, INF, 0.01, 1),
    "elu": (-1, INF, 0, 1),
    "selu": (-1.6732632423543772 * 1.0507009873554805, INF, 0, 1.0507009873554805),
    "celu": (-1, INF, 0, 1),
    "gelu": (0, INF, 0, 1),
    "gelu_tanh": (0, INF, 0, 1),
    "silu": (0, INF, 0, 1),
    "mish": (0, INF, 0, 1),
    "sigmoid": (0, 1, 0, 0),
    "hard_sigmoid": (0, 1, 0, 0),
    "hard_swish": (0, INF, 0, 1),
    "tanh": (-1, 1, 0, 0),
    "softplus": (0, INF, 0, 1),
    "softsign": (-1, 1, 0, 0),
    "sin": (NAN, NAN, NAN, NAN),
}


def evaluate(name, z, **settings):
    f = ACTIVATIONS[name]
    with np.errstate(all="ignore"):
        a = f.forward(np, z, **settings)
        return a, f.derivative(np, z, a, **settings)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_infinity_gives_the_limit(name, dtype):
    a, derivative = evaluate(name, np.array([-INF, INF], dtype))
    np.testing.assert_allclose(a, LIMITS[name][:2], rtol=1e-6)
    np.testing.assert_allclose(derivative, LIMITS[name][2:], rtol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_the_largest_floats_are_already_at_the_limit(name, dtype):
    """±10⁴ and the largest float: where the limit is finite, it is reached to rounding."""
    largest = np.finfo(dtype).max
    for magnitude in (dtype(1e4), largest):
        z = np.array([-magnitude, magnitude])
        a, derivative = evaluate(name, z)
        assert not np.isnan(a).any()
        assert not np.isnan(derivative).any()
        if name == "sin":
            assert (np.abs(a) <= 1).all()
            continue
        finite = np.isfinite(LIMITS[name][:2])
        atol = 2e-4 if name == "softsign" else 1e-6
        np.testing.assert_allclose(a[finite], np.array(LIMITS[name][:2])[finite], atol=atol)
        np.testing.assert_allclose(derivative, LIMITS[name][2:], rtol=1e-6, atol=1e-6)
        # An infinite limit is approached along a straight line through the origin.
        with np.errstate(over="ignore"):
            line = z * np.array(LIMITS[name][2:], dtype)
        np.testing.assert_allclose(a[~finite], line[~finite], rtol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_nan_stays_nan_in_both_directions(name, dtype):
    z = np.array([NAN, 1.0], dtype)
    f = ACTIVATIONS[name]
    a = f.forward(np, z)
    np.testing.assert_array_equal(np.isnan(a), [True, False])
    if name != "identity":  # its derivative is 1 whatever z is
        np.testing.assert_array_equal(np.isnan(f.derivative(np, z, a)), [True, False])
        np.testing.assert_array_equal(
            np.isnan(f.backward(np, z, a, np.ones_like(z))), [True, False]
        )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_near_zero_an_activation_is_its_tangent(name, dtype):
    """Subnormals and both zeros: f(z) = f(0) + f'(0) z to rounding, from each side."""
    info = np.finfo(dtype)
    tiny = np.array([info.smallest_subnormal, info.tiny, 0.0], dtype)
    one_step = float(info.smallest_subnormal)
    for z in (tiny, -tiny):
        a, derivative = evaluate(name, z)
        zero, _ = evaluate(name, np.zeros(1, dtype))
        tangent = zero.astype(np.float64) + derivative.astype(np.float64) * z.astype(np.float64)
        np.testing.assert_allclose(a, tangent, rtol=4 * info.eps, atol=one_step)
        assert np.isfinite(derivative).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_no_finite_input_gives_nan_or_leaves_the_range(name, dtype):
    info = np.finfo(dtype)
    exponents = np.linspace(info.minexp, info.maxexp - 1e-3, 600)
    z = np.exp2(exponents).astype(dtype)
    z = np.concatenate([-z[::-1], z])
    a, derivative = evaluate(name, z)
    assert not np.isnan(a).any()
    assert np.isfinite(derivative).all()
    lowest = {"gelu": -0.17, "gelu_tanh": -0.171, "silu": -0.279, "mish": -0.309}
    if name in lowest:  # below by the one minimum, above by z
        assert (a >= lowest[name]).all()
        assert (a <= np.maximum(z, 0)).all()
    if name in ("sigmoid", "hard_sigmoid", "tanh", "softsign", "softplus", "elu", "selu", "celu"):
        finite = a[np.isfinite(a)]
        assert (np.diff(finite) >= -4 * info.eps * np.abs(finite[1:])).all()  # but for rounding


@pytest.mark.parametrize("omega", [1.0, 30.0, 1e6])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_sine_of_a_product_that_overflows_is_still_a_sine(dtype, omega):
    z = np.array([-np.finfo(dtype).max, np.finfo(dtype).max])
    a, derivative = evaluate("sin", z, omega=omega)
    assert (np.abs(a) <= 1).all()
    np.testing.assert_allclose(
        a.astype(float) ** 2 + (derivative.astype(float) / omega) ** 2, 1, rtol=1e-6
    )


@pytest.mark.parametrize("name", ["relu", "hard_sigmoid", "hard_swish"])
def test_where_the_function_is_constant_even_an_infinite_da_gives_zero(name):
    f = ACTIVATIONS[name]
    z = np.array([-5.0, -5.0, -5.0])
    da = np.array([INF, -INF, 2.0])
    np.testing.assert_array_equal(f.backward(np, z, f.forward(np, z), da), 0.0)


@pytest.mark.parametrize("name", ["identity", "relu", "leaky_relu", "elu", "celu", "hard_swish"])
def test_an_infinite_da_passes_where_the_derivative_is_one(name):
    f = ACTIVATIONS[name]
    z, da = np.array([5.0, 5.0]), np.array([INF, -INF])
    np.testing.assert_array_equal(f.backward(np, z, f.forward(np, z), da), da)


def test_relu_at_zero_and_at_nan():
    relu = ACTIVATIONS["relu"]
    z = np.array([0.0, -0.0, NAN, -1.0, 2.0])
    a = relu.forward(np, z)
    np.testing.assert_array_equal(a, [0, 0, NAN, 0, 2])
    assert not np.signbit(a[:2]).any()
    np.testing.assert_array_equal(relu.backward(np, z, a, np.full(5, 7.0)), [0, 0, NAN, 0, 7])
