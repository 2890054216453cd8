"""Activations on the device against the reference in more digits."""

from __future__ import annotations

import os
from typing import Any

import cupy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpcore.kernels.cuda.activations import FORMULAS
from mlpcore.kernels.cuda.compiler import KernelSource, launch
from mlpcore.kernels.cuda.elementwise import (
    _with_setting,
    activation_backward,
    activation_forward,
)
from mlpcore.kernels.reference.activations import ACTIVATIONS

INF, NAN = np.inf, np.nan
F32, F64 = np.dtype(np.float32), np.dtype(np.float64)
each_dtype = pytest.mark.parametrize("dtype", [F32, F64], ids=str)
# One without a setting, one with, and one that keeps a; all of them at night.
NAMES = FORMULAS if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else ("relu", "elu", "gelu")
OTHER = {"slope": 0.25, "alpha": 2.5, "omega": 30.0}


def samples(dtype):
    """Return numbers of usual size, of all sizes, and the special ones; 1231 of them."""
    rng = np.random.default_rng(0)
    info = np.finfo(dtype)
    sizes = np.exp2(np.linspace(info.minexp - 3, info.maxexp - 1e-3, 210))
    special = [0.0, -0.0, 3.0, -3.0, INF, -INF, NAN, info.max, -info.max, 1.0, -1.0]
    parts = [rng.normal(scale=s, size=200) for s in (0.1, 1.0, 4.0, 30.0)]
    return np.concatenate([*parts, sizes, -sizes, special]).astype(dtype)


def wide(x):
    """Return `x` with more digits, where there are more."""
    return x.astype(np.float64 if x.dtype == np.float32 else np.longdouble)


def setting_of(name, dtype):
    """Return the one setting of an activation, another than the default, or 0."""
    (key,) = ACTIVATIONS[name].defaults or ("",)
    return float(dtype.type(OTHER.get(key, 0)))


def compare(name, dtype, z, da, a, dz):
    """Compare a and dz with those of the reference in more digits."""
    reference, info, setting = ACTIVATIONS[name], np.finfo(dtype), setting_of(name, dtype)
    given = dict.fromkeys(reference.defaults, setting)
    if name == "sin":  # Rounding ω z turns the sine by |ω z| half-units.
        z, da, a, dz = (x[np.abs(z) < 1e3] for x in (z, da, a, dz))
    with np.errstate(all="ignore"):
        exact = reference.forward(np, wide(z), **given)
        exact_dz = reference.backward(np, wide(z), exact, wide(da), **given)
    np.testing.assert_array_equal(np.isnan(a), np.isnan(exact))
    np.testing.assert_array_equal(np.isnan(dz), np.isnan(exact_dz))
    # As for the CPU's kernels: gelu_tanh's angle v is rounded, which the exponential makes |v|
    # units in the lower tail; Φ of CUDA's library is right to 5 units, what is around it to 10.
    rtol = {"gelu_tanh": 250 if dtype == F32 else 1500}.get(name, 15) * info.eps
    # A factor that is subnormal is rounded before it is multiplied by z, of up to 750.
    atol = 400 * float(info.smallest_subnormal)
    if name == "sin":
        atol = setting * 1e3 * info.eps
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(a, exact.astype(dtype), rtol=rtol, atol=atol)
        # In units of da: where two terms of f' cancel, neither is wrong by more.
        number = ~np.isnan(dz)
        scale = max(1.0, setting)
        if name == "sin":
            scale = scale * (1 + np.abs(z[number]) * setting)
        error = np.abs(dz - exact_dz)[number] / (np.abs(wide(da))[number] * scale)
    assert error.max() <= 6 * info.eps


@each_dtype
def test_every_formula_on_the_device_is_that_of_the_reference(dtype):
    z = samples(dtype)
    da = np.random.default_rng(1).normal(size=z.size).astype(dtype)
    results = cupy.empty((len(FORMULAS), 2, z.size), dtype)
    arrays = (cupy.asarray(z), cupy.asarray(da), results)
    launch(every_formula, (), dtype, 2, (*arrays, np.int64(z.size)))
    for name, (a, dz) in zip(FORMULAS, results.get(), strict=True):
        compare(name, dtype, z, da, a, dz)


def every_formula(tools):
    """Write a kernel of all formulas: to compile each by itself would take a minute."""
    cuda = tools.cuda

    def nothing(results: Any, z: float, da: float, i: int, n: int) -> None:
        pass

    def after(before, place, name):
        formula = FORMULAS[name]
        value = _with_setting(tools, formula.value, 1, formula.settings)
        product = _with_setting(tools, formula.product, 2, formula.settings)
        setting, keeps_a = tools.dtype.type(setting_of(name, tools.dtype)), formula.keeps == "a"

        def these(results: Any, z: float, da: float, i: int, n: int) -> None:
            before(results, z, da, i, n)
            a = value(z, setting)
            results[2 * place * n + i] = a
            results[(2 * place + 1) * n + i] = product(a if keeps_a else z, da, setting)

        return tools.device(these)

    everything = tools.device(nothing)
    for place, name in enumerate(FORMULAS):
        everything = after(everything, place, name)

    def kernel(z, da, results, n):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        while i < n:
            everything(results, z[i], da[i], i, n)
            i += cuda.gridDim.x * cuda.blockDim.x

    return KernelSource(kernel, "real* real* real* int")


@each_dtype
@pytest.mark.parametrize("name", NAMES)
def test_forward_and_backward_apply_the_formula(name, dtype):
    z, setting = samples(dtype), setting_of(name, dtype)
    da = np.random.default_rng(1).normal(size=z.size).astype(dtype)
    a = activation_forward(name, cupy.asarray(z), setting=setting)
    kept = a if FORMULAS[name].keeps == "a" else cupy.asarray(z)
    dz = activation_backward(name, kept, cupy.asarray(da), setting=setting)
    compare(name, dtype, z, da, a.get(), dz.get())


@given(
    rows=st.integers(0, 9),
    features=st.integers(1, 11),
    together=st.booleans(),
    keeps=st.booleans(),
    shift=st.integers(0, 1),
)
@settings(max_examples=15)
def test_a_bias_is_added_before(rows, features, together, keeps, shift):
    features *= 4 if together else 1
    rng = np.random.default_rng(features)
    x, b = rng.normal(size=(rows, features)), rng.normal(size=features)
    x, b = x.astype(np.float32), b.astype(np.float32)
    # Beside a multiple of 16 bytes or on one: other instructions, the same bits.
    base = cupy.zeros(rows * features + 1, np.float32)
    on_device = base[shift : shift + x.size].reshape(x.shape)
    on_device[...] = cupy.asarray(x)
    keep = cupy.empty_like(on_device) if keeps else None
    a = activation_forward("relu", on_device, bias=cupy.asarray(b), keep=keep, out=on_device)
    assert a is on_device
    np.testing.assert_array_equal(a.get(), np.maximum(x + b, 0))
    if keeps:
        np.testing.assert_array_equal(keep.get(), x + b)


def test_where_the_function_is_constant_even_an_infinite_da_gives_zero():
    da = cupy.asarray(np.array([INF, -INF, NAN], np.float32))
    for name in ("relu", "hard_sigmoid", "hard_swish"):
        kept = 0 if FORMULAS[name].keeps == "a" else -5
        dz = activation_backward(name, cupy.full(3, kept, np.float32), da)
        np.testing.assert_array_equal(dz.get(), 0)


def test_one_launch_and_nothing_else(double):
    z, b = cupy.zeros((3, 8), np.float32), cupy.zeros(8, np.float32)
    activation_forward("relu", z, bias=b)
    double.reset_counters()
    activation_forward("relu", z, bias=b)
    counters = double.counters
    assert dict(counters.launches) == {"mlpcore_bias_activation_float32": 1}
    assert counters.host_to_device == counters.synchronisations == 0
    activation_forward("relu", z[:0], bias=b)
    assert sum(counters.launches.values()) == 1


def test_every_element_is_touched_once_however_few_threads(double, monkeypatch):
    monkeypatch.setattr("mlpcore.kernels.cuda.compiler._BLOCKS_OF_MULTIPROCESSOR", 0.01)
    x, b = np.random.default_rng(0).normal(size=(301, 7)), np.arange(7.0)
    for order in ("reverse", "random"):
        with double.exact_bounds(), double.order(order):
            a = activation_forward("relu", cupy.asarray(x), bias=cupy.asarray(b))
            np.testing.assert_array_equal(a.get(), np.maximum(x + b, 0))


def test_what_does_not_fit_is_refused():
    z, b = cupy.zeros((3, 8), np.float32), cupy.zeros(8, np.float32)
    with pytest.raises(TypeError, match="bias has dtype float64, expected float32"):
        activation_forward("relu", z, bias=b.astype(np.float64))
    with pytest.raises(TypeError, match="float32 or float64, got float16"):
        activation_forward("relu", z.astype(np.float16))
    with pytest.raises(ValueError, match=r"bias has shape \(7,\), expected \(8,\)"):
        activation_forward("relu", z, bias=b[:7])
    with pytest.raises(ValueError, match="not C-contiguous"):
        activation_forward("relu", z.T)
    with pytest.raises(ValueError, match="without a bias"):
        activation_forward("relu", z, keep=z)
