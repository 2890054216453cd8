"""The CPU's activation kernels mean what the reference means."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.activation_kernels import ACCURACY, CASES, IDS, backward, forward
from support.ulp import ulps
from support.written_kernels import ISAS, each_target, lanes_of

from mlpcore.kernels.cpu.activations import EMITTERS
from mlpcore.kernels.cpu.activations.flat_map import VECTORS
from mlpcore.kernels.reference.activations import ACTIVATIONS
from mlpcore.kernels.reference.operation import Scope

INF, NAN = np.inf, np.nan
each_case = pytest.mark.parametrize(("name", "given_settings"), CASES, ids=IDS)
pytestmark = pytest.mark.skipif(not ISAS, reason="no instruction set with fused multiply-add")


def samples(dtype):
    """Return numbers of usual size, of all sizes, and the special ones."""
    rng = np.random.default_rng(0)
    info = np.finfo(dtype)
    sizes = np.exp2(np.linspace(info.minexp - 3, info.maxexp - 1e-3, 300))
    special = [0.0, -0.0, 3.0, -3.0, INF, -INF, NAN, info.max, -info.max]
    parts = [rng.normal(scale=s, size=300) for s in (0.1, 1.0, 4.0, 30.0)]
    return np.concatenate([*parts, sizes, -sizes, special]).astype(dtype)


def wide(array):
    """Return `array` with more digits, where there are more."""
    return array.astype(np.float64 if array.dtype == np.float32 else np.longdouble)


def reference(name, z, da, given_settings, dtype):
    """Return a and dz of the reference in more digits, the settings rounded as the kernel's."""
    rounded = {key: wide(np.array(value, dtype))[()] for key, value in given_settings.items()}
    with np.errstate(all="ignore"):
        z, da = wide(z), wide(da)
        f = ACTIVATIONS[name]
        a = f.forward(np, z, **rounded)
        return a, f.backward(np, z, a, da, **rounded)


def test_every_elementwise_activation_has_kernels():
    assert set(EMITTERS) == {n for n, f in ACTIVATIONS.items() if f.scope is Scope.TILE}
    assert all(name == emitter.name for name, emitter in EMITTERS.items())


@each_target
@each_case
def test_values_are_those_of_the_reference(isa, dtype, name, given_settings):
    z = samples(dtype)
    if name == "sin":
        # Rounding ω z turns the sine by |ω z| half-units; beyond 10³ nothing is left to compare.
        z = z[np.abs(z) < 1e3]
    a = forward(name, z, isa, given_settings)
    exact, _ = reference(name, z, np.ones_like(z), given_settings, dtype)
    info = np.finfo(dtype)
    # gelu_tanh: its angle v is rounded, which the exponential makes |v| units in the lower tail.
    rtol = (12 if name != "gelu_tanh" else 250) * info.eps
    # A factor that is subnormal is rounded before it is multiplied by z, of up to 750.
    atol = 400 * float(info.smallest_subnormal)
    if name == "sin":
        atol = float(given_settings.get("omega", 1.0)) * 1e3 * info.eps
    if name == "gelu_tanh" and dtype == np.float64:
        rtol = 1500 * info.eps
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(a, exact.astype(dtype), rtol=rtol, atol=atol)


@pytest.mark.parametrize("name", ACCURACY)
def test_float32_is_as_accurate_as_stated(name):
    # Numbers of float32 of each sign and size, and many of usual size.
    patterns = np.arange(0, 2**32, 20_003, dtype=np.uint64).astype(np.uint32).view(np.float32)
    z = np.concatenate([patterns, np.linspace(-16, 16, 100_001, dtype=np.float32)])
    z = z[np.isfinite(z)]
    a, slope = reference(name, z, np.ones_like(z), ACTIVATIONS[name].defaults, np.float32)
    of_value, of_slope = ACCURACY[name]
    # A factor of up to |a| / 104 that is subnormal is rounded: see the test above.
    normal = (np.abs(a) >= 128 * np.finfo(np.float32).tiny) | (a == 0)
    with np.errstate(all="ignore"):
        assert ulps(forward(name, z, ISAS[0], {}), a)[normal].max() <= of_value
        slopes = backward(name, z, np.ones_like(z), ISAS[0], {})
        assert np.abs(slopes - slope).max() <= of_slope * np.finfo(np.float32).eps


@each_target
@each_case
def test_backward_is_that_of_the_reference(isa, dtype, name, given_settings):
    z = samples(dtype)
    if name == "sin":
        z = z[np.abs(z) < 1e3]
    da = np.random.default_rng(1).normal(size=z.size).astype(dtype)
    dz = backward(name, z, da, isa, given_settings)
    _, exact = reference(name, z, da, given_settings, dtype)
    np.testing.assert_array_equal(np.isnan(dz), np.isnan(exact))
    # In units of da: where two terms of f' cancel, neither is wrong by more.
    with np.errstate(all="ignore"):
        number = ~np.isnan(dz)
        scale = np.maximum(1.0, np.max([abs(v) for v in given_settings.values()], initial=1.0))
        if name == "sin":
            scale = scale * (1 + np.abs(z[number]) * scale)
        error = np.abs(dz - exact)[number] / (np.abs(wide(da))[number] * scale)
    assert error.max() <= 5 * np.finfo(dtype).eps


@pytest.mark.parametrize("isa", ISAS, ids=lambda isa: isa.name)
@each_case
def test_derivative_is_the_limit_of_central_differences(isa, name, given_settings):
    omega = given_settings.get("omega", 1.0)
    h = 1e-5 / omega
    z = np.linspace(-6, 6, 401)
    z = z[np.min(np.abs(z[:, None] - [-3.0, 0.0, 3.0]), axis=1) > 2 * h]  # where all are smooth
    plus, minus = (forward(name, z + step, isa, given_settings) for step in (h, -h))
    # Divided by the step that the rounded arguments really make.
    difference = (plus - minus) / ((z + h) - (z - h))
    derivative = backward(name, z, np.ones_like(z), isa, given_settings)
    # What is left out is h² f'''/6, and no third derivative is above 6 but for the settings; and
    # each value is rounded, and a sine's angle, divided by the step.
    third = 6 * omega**3 * max(1.0, 1.0 / given_settings.get("alpha", 1.0)) ** 2
    angle = omega * np.abs(z) if name == "sin" else 0.0
    rounding = 4 * np.finfo(np.float64).eps * (np.abs(plus) + np.abs(minus) + angle) / h
    assert np.all(np.abs(derivative - difference) <= h * h * third / 6 + rounding)


@each_target
@pytest.mark.parametrize("name", EMITTERS)
def test_infinity_has_its_limits_as_in_the_reference(isa, dtype, name):
    z = np.array([-INF, INF], dtype)
    a, dz = reference(name, z, np.ones_like(z), {}, dtype)
    np.testing.assert_allclose(forward(name, z, isa, {}), a.astype(dtype), rtol=1e-6)
    result = backward(name, z, np.ones_like(z), isa, {})
    np.testing.assert_allclose(result, dz.astype(dtype), rtol=1e-6)


@each_target
@pytest.mark.parametrize("name", ["relu", "hard_sigmoid", "hard_swish"])
def test_where_the_function_is_constant_even_an_infinite_da_gives_zero(isa, dtype, name):
    da = np.array([INF, -INF, NAN], dtype)
    np.testing.assert_array_equal(backward(name, np.full(3, -5, dtype), da, isa, {}), 0)


@each_target
@pytest.mark.parametrize("name", ["identity", "relu", "leaky_relu", "elu", "celu", "hard_swish"])
def test_an_infinite_da_passes_where_the_derivative_is_one(isa, dtype, name):
    da = np.array([INF, -INF], dtype)
    np.testing.assert_array_equal(backward(name, np.full(2, 5, dtype), da, isa, {}), da)


@each_target
def test_relu_at_zero_and_at_nan(isa, dtype):
    z = np.array([0.0, -0.0, NAN, -1.0, 2.0], dtype)
    a = forward("relu", z, isa, {})
    np.testing.assert_array_equal(a, [0, 0, NAN, 0, 2])
    np.testing.assert_array_equal(np.signbit(a[:2]), [False, True])  # as in the register tile
    np.testing.assert_array_equal(
        backward("relu", z, np.full(5, 7, dtype), isa, {}), [0, 0, NAN, 0, 7]
    )


@each_target
@pytest.mark.parametrize("name", ["gelu", "gelu_tanh", "silu", "mish"])
def test_what_has_vanished_in_the_lower_tail_is_zero_from_below(isa, dtype, name):
    a = forward(name, np.array([-800.0, -1e30, -INF], dtype), isa, {})
    np.testing.assert_array_equal(a, 0)
    assert np.signbit(a).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@each_case
def test_every_instruction_set_gives_the_same_bits(dtype, name, given_settings):
    z = samples(dtype)
    da = np.random.default_rng(1).normal(size=z.size).astype(dtype)
    for apply in (
        lambda isa: forward(name, z, isa, given_settings),
        lambda isa: backward(name, z, da, isa, given_settings),
    ):
        first = apply(ISAS[0])
        for isa in ISAS[1:]:
            other = apply(isa)
            # Of a NaN only that it is one: its sign depends on the order of operands.
            np.testing.assert_array_equal(np.isnan(other), np.isnan(first))
            number = ~np.isnan(first)
            np.testing.assert_array_equal(
                other[number].view(np.uint8), first[number].view(np.uint8)
            )


@settings(deadline=None, max_examples=30)
@given(data=st.data(), name=st.sampled_from(["relu", "tanh", "gelu", "sin"]))
def test_only_the_n_elements_are_written_and_each_like_one_alone(data, name):
    isa = data.draw(st.sampled_from(ISAS))
    dtype = data.draw(st.sampled_from([np.float32, np.float64]))
    n = data.draw(st.integers(0, 3 * VECTORS * lanes_of(isa, dtype) + 1))
    offset = data.draw(st.integers(0, 17))
    z = np.random.default_rng(n).normal(size=n).astype(dtype)
    alone = np.array([forward(name, z[i : i + 1], isa, {})[0] for i in range(n)], dtype)
    inside = np.full(offset + n + 70, 7, dtype)
    inside[offset : offset + n] = z
    place = inside[offset : offset + n]
    forward(name, place, isa, {}, out=place)  # in place
    np.testing.assert_array_equal(inside[offset : offset + n], alone)
    np.testing.assert_array_equal(np.delete(inside, np.s_[offset : offset + n]), 7)


@each_target
@pytest.mark.parametrize("name", EMITTERS)
def test_backward_may_write_over_da(isa, dtype, name):
    z = np.linspace(-4, 4, 101).astype(dtype)
    da = np.linspace(1, 2, 101).astype(dtype)
    apart = backward(name, z, da, isa, {})
    np.testing.assert_array_equal(backward(name, z, da, isa, {}, out=da), apart)
