"""Values, derivatives and shapes of every activation in the table."""

import array_api_strict
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from mlpcore.kernels.reference.activations import ACTIVATIONS, ActivationFunction
from mlpcore.kernels.reference.operation import Call, Scope
from mlpcore.kernels.reference.operations import Activation

ALL = list(ACTIVATIONS)
ELEMENTWISE = [n for n in ALL if ACTIVATIONS[n].scope is Scope.TILE]
# Where the first or the second derivative jumps.
KINKS = {
    "relu": [0.0],
    "leaky_relu": [0.0],
    "elu": [0.0],
    "selu": [0.0],
    "celu": [0.0],
    "softsign": [0.0],
    "hard_sigmoid": [-3.0, 3.0],
    "hard_swish": [-3.0, 3.0],
}
OTHER_SETTINGS = [
    ("leaky_relu", {"slope": 0.25}, [0.0]),
    ("leaky_relu", {"slope": -1.0}, [0.0]),
    ("elu", {"alpha": 0.5}, [0.0]),
    ("celu", {"alpha": 2.5}, [0.0]),
    ("celu", {"alpha": 0.25}, [0.0]),
    ("sin", {"omega": 30.0}, []),
]
CASES = [(n, {}, KINKS.get(n, [])) for n in ELEMENTWISE] + OTHER_SETTINGS
IDS = [n + "".join(f"-{v}" for v in s.values()) for n, s, _ in CASES]


def reference(special):
    """Every activation as SciPy or a textbook has it."""
    clip = np.clip
    selu_alpha, selu_lambda = 1.6732632423543772, 1.0507009873554805
    return {
        "identity": lambda z: z,
        "relu": lambda z: np.maximum(z, 0),
        "leaky_relu": lambda z: np.maximum(z, 0.01 * z),
        "elu": lambda z: np.where(z > 0, z, special.expm1(np.minimum(z, 0))),
        "selu": lambda z: (
            selu_lambda * np.where(z > 0, z, selu_alpha * special.expm1(np.minimum(z, 0)))
        ),
        "celu": lambda z: np.maximum(z, 0) + np.minimum(0, special.expm1(np.minimum(z, 0))),
        "gelu": lambda z: z * special.ndtr(z),
        "gelu_tanh": lambda z: z * special.expit(2 * np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)),
        "silu": lambda z: z * special.expit(z),
        "mish": lambda z: z * np.tanh(special.log1p(np.exp(z))),
        "sigmoid": special.expit,
        "hard_sigmoid": lambda z: clip(z / 6 + 0.5, 0, 1),
        "hard_swish": lambda z: z * clip(z + 3, 0, 6) / 6,
        "tanh": np.tanh,
        "softplus": lambda z: np.logaddexp(z, 0),
        "softsign": lambda z: z / (1 + np.abs(z)),
        "sin": np.sin,
        "softmax": lambda z: special.softmax(z, axis=-1),
        "log_softmax": lambda z: special.log_softmax(z, axis=-1),
    }


@pytest.mark.parametrize("name", ALL)
def test_value_is_that_of_scipy(name):
    special = pytest.importorskip("scipy.special", reason="SciPy is the reference here")
    z = np.linspace(-25, 25, 2000).reshape(100, 20)
    np.testing.assert_allclose(
        ACTIVATIONS[name].forward(np, z), reference(special)[name](z), rtol=1e-12, atol=1e-15
    )


def test_the_table_is_complete_and_keyed_by_name():
    pytest.importorskip("scipy", reason="the table of references needs SciPy")
    from scipy import special

    assert set(ACTIVATIONS) == set(reference(special))
    assert all(function.name == name for name, function in ACTIVATIONS.items())


@pytest.mark.parametrize(("name", "given_settings", "kinks"), CASES, ids=IDS)
@settings(deadline=None, max_examples=25)
@given(z=arrays(np.float64, st.integers(1, 20), elements=st.floats(-6, 6, allow_subnormal=False)))
def test_derivative_is_the_limit_of_central_differences(name, given_settings, kinks, z):
    h = 1e-5
    # Step off each kink by more than h, to where the function is smooth.
    for kink in kinks:
        z = np.where(np.abs(z - kink) < 2 * h, kink + 2 * h, z)
    f = ACTIVATIONS[name]
    omega = given_settings.get("omega", 1.0)
    h /= omega
    plus = f.forward(np, z + h, **given_settings)
    minus = f.forward(np, z - h, **given_settings)
    # Divided by the step that the rounded arguments really make.
    difference = (plus - minus) / ((z + h) - (z - h))
    derivative = f.derivative(np, z, f.forward(np, z, **given_settings), **given_settings)
    # Besides the relative 1e-6: the rounding of the two values, and of a sine's angle.
    angle = omega * np.abs(z) if name == "sin" else 0.0
    values = np.maximum(np.abs(plus), np.abs(minus))
    rounding = 8 * np.finfo(np.float64).eps * (values + angle + np.abs(z * derivative)) / h
    assert np.all(np.abs(derivative - difference) <= 1e-6 * np.abs(derivative) + rounding)


@pytest.mark.parametrize(("name", "given_settings", "kinks"), CASES, ids=IDS)
def test_at_a_kink_the_derivative_is_the_one_from_the_left(name, given_settings, kinks):
    f = ACTIVATIONS[name]
    at = np.array([*kinks, 1.0])
    left = np.nextafter(at, -np.inf)
    np.testing.assert_allclose(
        f.derivative(np, at, f.forward(np, at, **given_settings), **given_settings),
        f.derivative(np, left, f.forward(np, left, **given_settings), **given_settings),
        rtol=1e-12,
    )


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_backward_of_an_elementwise_function_is_da_times_the_derivative(name):
    rng = np.random.default_rng(0)
    z, da = 3 * rng.normal(size=(2, 50, 7))
    f = ACTIVATIONS[name]
    a = f.forward(np, z)
    np.testing.assert_allclose(
        f.backward(np, z, a, da), da * f.derivative(np, z, a), rtol=1e-15, atol=0
    )


@pytest.mark.parametrize("name", ALL)
def test_backward_is_the_transposed_jacobian(name):
    """<da, J v> = <dz, v>, with J v by central differences."""
    rng = np.random.default_rng(1)
    z, v, da = rng.normal(size=(3, 4, 6))
    f, h = ACTIVATIONS[name], 1e-6
    jv = (f.forward(np, z + h * v) - f.forward(np, z - h * v)) / (2 * h)
    dz = f.backward(np, z, f.forward(np, z), da)
    assert np.sum(da * jv) == pytest.approx(np.sum(dz * v), rel=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ALL)
@settings(deadline=None, max_examples=10)
@given(shape=array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4))
def test_shape_and_dtype_are_those_of_the_input(name, dtype, shape):
    z = np.ones(shape, dtype)
    f = ACTIVATIONS[name]
    a = f.forward(np, z)
    results = [a, f.backward(np, z, a, z)]
    if f.derivative is not None:
        results.append(f.derivative(np, z, a))
    for result in results:
        assert result.dtype == dtype
        assert result.shape == shape


@pytest.mark.parametrize("name", ALL)
def test_a_batch_is_its_samples_one_by_one(name):
    z = 4 * np.random.default_rng(2).normal(size=(9, 5))
    f = ACTIVATIONS[name]
    a = f.forward(np, z)
    dz = f.backward(np, z, a, np.cos(z))
    for row in range(9):
        np.testing.assert_allclose(f.forward(np, z[row]), a[row], rtol=1e-14)
        np.testing.assert_allclose(
            f.backward(np, z[row], a[row], np.cos(z[row])), dz[row], rtol=1e-13, atol=1e-16
        )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ALL)
def test_runs_on_any_namespace_of_the_standard(name, dtype):
    xp = array_api_strict
    z = np.linspace(-6, 6, 30, dtype=dtype).reshape(5, 6)
    strict, f = xp.asarray(z), ACTIVATIONS[name]
    a = f.forward(xp, strict)
    dz = f.backward(xp, strict, a, strict)
    assert a.dtype == dz.dtype == getattr(xp, dtype)
    expected = f.forward(np, z)
    np.testing.assert_array_equal(np.from_dlpack(a), expected)
    np.testing.assert_array_equal(np.from_dlpack(dz), f.backward(np, z, expected, z))
    if f.derivative is not None:
        np.testing.assert_array_equal(
            np.from_dlpack(f.derivative(xp, strict, a)), f.derivative(np, z, expected)
        )


@pytest.mark.parametrize("name", ALL)
def test_neither_direction_writes_into_its_inputs_or_returns_them(name):
    z = np.linspace(-4, 4, 12).reshape(3, 4)
    da = np.ones_like(z)
    f, before = ACTIVATIONS[name], z.copy()
    a = f.forward(np, z)
    a_before = a.copy()
    dz = f.backward(np, z, a, da)
    np.testing.assert_array_equal(z, before)
    np.testing.assert_array_equal(a, a_before)
    np.testing.assert_array_equal(da, 1.0)
    assert not np.shares_memory(a, z)
    assert not np.shares_memory(dz, da)


def test_odd_functions_are_odd_and_even_parts_are_even():
    z = np.linspace(0, 40, 500)
    for name in ("identity", "tanh", "softsign", "sin"):
        f = ACTIVATIONS[name].forward
        np.testing.assert_array_equal(f(np, -z), -f(np, z))
    for name in ("gelu", "gelu_tanh", "silu"):  # f(z) - f(-z) = z
        f = ACTIVATIONS[name].forward
        np.testing.assert_allclose(f(np, z) - f(np, -z), z, rtol=1e-14)
    for name in ("sigmoid", "hard_sigmoid"):  # f(z) + f(-z) = 1
        f = ACTIVATIONS[name].forward
        np.testing.assert_allclose(f(np, z) + f(np, -z), 1, rtol=1e-15)


def test_softplus_is_the_integral_of_sigmoid():
    z = np.linspace(-40, 40, 801)
    softplus, sigmoid = ACTIVATIONS["softplus"], ACTIVATIONS["sigmoid"]
    np.testing.assert_array_equal(
        softplus.derivative(np, z, softplus.forward(np, z)), sigmoid.forward(np, z)
    )


def test_leaky_relu_interpolates_between_relu_and_identity():
    z = np.linspace(-5, 5, 101)
    leaky = ACTIVATIONS["leaky_relu"].forward
    np.testing.assert_array_equal(leaky(np, z, slope=0.0), np.maximum(z, 0))
    np.testing.assert_array_equal(leaky(np, z, slope=1.0), z)


def test_selu_keeps_mean_zero_and_variance_one():
    """The fixed point that its two constants are made for, by quadrature on each side of 0."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    z = np.concatenate([6 * nodes - 6, 6 * nodes + 6])
    mass = np.tile(6 * weights, 2) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    a = ACTIVATIONS["selu"].forward(np, z)
    assert np.sum(mass * a) == pytest.approx(0, abs=1e-14)
    assert np.sum(mass * a * a) == pytest.approx(1, abs=1e-14)


def test_an_entry_needs_a_derivative_or_a_product():
    with pytest.raises(ValueError, match="neither a derivative nor a product"):
        ActivationFunction("f", lambda xp, z: z)


def test_the_operation_of_a_stage_applies_the_table():
    z = np.array([[-2.0, 3.0]])
    call = Call(np, saved={})
    operation = Activation("leaky_relu", (("slope", 0.5),))
    np.testing.assert_array_equal(operation.forward(call, z), [[-1.0, 3.0]])
    np.testing.assert_array_equal(operation.backward(call, np.ones((1, 2))), [[0.5, 1.0]])
    assert operation.function.scope is Scope.TILE
    assert Activation("softmax").function.scope is Scope.ROW
