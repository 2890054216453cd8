"""Softmax and log-softmax on panels: values, products with a gradient, limits, and bits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.differences import central_differences
from support.panels import call, same_bits, to_panel
from support.written_kernels import DTYPES, ISAS, kernels, lanes_of

from mlpcore.kernels.cpu.rows import write_log_softmax, write_softmax
from mlpcore.kernels.reference import softmax as reference

pytestmark = pytest.mark.skipif(not ISAS, reason="this processor has no instruction set of ours")

NAMES = ("softmax", "log_softmax")
GUARD = -77.0
every_name = pytest.mark.parametrize("name", NAMES)
every_dtype = pytest.mark.parametrize("dtype", DTYPES)


def write(module):
    write_softmax(module)
    write_log_softmax(module)


def run(name, *arrays, isa=None, vectors=1, in_place=False, beyond=np.nan):
    """Return the kernel's result for rows (n, features), panel by panel, between guards."""
    n, features = arrays[0].shape
    dtype = arrays[0].dtype
    isa = ISAS[0] if isa is None else isa
    compiled = kernels(write, isa, dtype.type)
    width = vectors * lanes_of(isa, dtype)
    result = np.empty_like(arrays[0])
    for first in range(0, n, width):
        rows = min(width, n - first)
        panels = [to_panel(x[first : first + rows], width, beyond) for x in arrays]
        memory = np.full((features + 2, width), GUARD, dtype)
        out = memory[1:-1]
        if in_place:
            out[:] = panels[-1]
            panels[-1] = out
        call(compiled, name, *panels, out, features, width)
        assert (memory[[0, -1]] == GUARD).all()
        result[first : first + rows] = out[:, :rows].T
    return result


def forward(name, z, **how):
    return run(f"{name}_forward", z, **how)


def backward(name, a, da, **how):
    return run(f"{name}_backward", np.full_like(a, np.nan), a, da, **how)


def numbers(n, features, seed, dtype, scale=3.0):
    return (scale * np.random.default_rng(seed).normal(size=(n, features))).astype(dtype)


def exact(function, *arrays):
    with np.errstate(all="ignore"):
        return getattr(reference, function)(np, *[x.astype(np.longdouble) for x in arrays])


@every_name
@every_dtype
@pytest.mark.parametrize("features", [1, 2, 3, 4, 5, 10, 67, 1000])
def test_values_are_those_of_the_reference(name, dtype, features):
    """Of softmax relative to each number; of its logarithm to the size of what is subtracted."""
    z = numbers(21, features, 1, dtype)
    a, expected = forward(name, z), exact(name, z)
    eps = np.finfo(dtype).eps
    # A sum of f positive numbers is at most f/2 eps off; 4 for z - m, exponential, log, quotient.
    relative = (features / 2 + 4) * eps
    if name == "softmax":  # z - m, rounded, is the exponent
        relative += np.ptp(z, axis=-1, keepdims=True) * eps
        assert (np.abs(a - expected) <= relative * expected).all()
        np.testing.assert_allclose(a.sum(axis=-1, dtype=np.float64), 1, rtol=relative.max())
    else:
        assert (np.abs(a - expected) <= relative + 2 * eps * np.ptp(z)).all()


@every_name
@every_dtype
def test_backward_is_that_of_the_reference(name, dtype):
    features = 33
    a = exact(name, numbers(21, features, 2, dtype)).astype(dtype)
    da = numbers(21, features, 3, dtype)
    dz, expected = backward(name, a, da), exact(f"{name}_backward", a, da)
    bound = (features + 4) * np.finfo(dtype).eps * np.abs(da).max()
    np.testing.assert_allclose(dz, expected, rtol=0, atol=bound)


@every_name
def test_backward_is_the_product_with_the_jacobian(name):
    z, da = numbers(4, 6, 4, "float64", 1.0), numbers(4, 6, 5, "float64")
    dz = backward(name, forward(name, z), da)
    slope = central_differences(lambda: (da * forward(name, z)).sum(), z)
    np.testing.assert_allclose(dz, slope, rtol=1e-6, atol=1e-8)


@every_name
@every_dtype
@pytest.mark.parametrize("scale", [1e2, 1e4, 1e30, None])
def test_finite_numbers_of_any_size_are_right(name, dtype, scale):
    """None stands for the largest floats, of both signs, whose difference is infinite."""
    top = np.finfo(dtype).max
    z = numbers(40, 4, 6, dtype, 1.0)
    z = np.sign(z) * np.asarray(top, dtype) if scale is None else z * np.asarray(scale, dtype)
    a = forward(name, z)
    with np.errstate(all="ignore"):
        expected = getattr(reference, name)(np, z)
    if name == "softmax":
        assert np.isfinite(a).all()
    bound = 16 * np.finfo(dtype).eps
    np.testing.assert_allclose(a, expected, rtol=bound, atol=bound)


@every_name
@every_dtype
def test_infinities_and_nan_come_out_as_in_the_reference(name, dtype):
    special = np.array([0.0, 100.0, np.inf, -np.inf, np.nan], dtype)
    grid = np.meshgrid(special, special, special, special)
    z = np.stack([axis.ravel() for axis in grid], axis=-1)
    da = np.roll(z, 7, axis=0)
    with np.errstate(all="ignore"):
        a = getattr(reference, name)(np, z)
        dz = getattr(reference, f"{name}_backward")(np, a, da)
    bound = 8 * np.finfo(dtype).eps
    np.testing.assert_allclose(forward(name, z), a, rtol=bound, atol=bound)
    np.testing.assert_allclose(backward(name, a, da), dz, rtol=bound, atol=100 * bound)


@every_name
@every_dtype
def test_every_instruction_set_computes_the_same_bits(name, dtype):
    z, da = numbers(50, 37, 7, dtype), numbers(50, 37, 8, dtype)
    z[3, 1], z[7, 2], z[9, 0] = np.nan, np.inf, -np.inf
    first, *others = [forward(name, z, isa=isa) for isa in ISAS]
    assert all(same_bits(first, other) for other in others)
    first, *others = [backward(name, first, da, isa=isa) for isa in ISAS]
    assert all(same_bits(first, other) for other in others)


@every_name
@given(
    st.integers(1, 40),
    st.integers(1, 20),
    st.integers(1, 2),
    st.booleans(),
    st.sampled_from(DTYPES),
    st.integers(0, 9),
)
def test_a_row_depends_on_nothing_beside_it(name, n, features, vectors, in_place, dtype, seed):
    """Neither its lane, nor its neighbours, nor the width of the panel."""
    z, da = numbers(n, features, seed, dtype), numbers(n, features, seed + 100, dtype)
    row = slice(seed % n, seed % n + 1)
    alone = forward(name, z[row])
    product = backward(name, alone, da[row])
    z[: seed % n] = np.nan
    how = {"vectors": vectors, "in_place": in_place, "beyond": np.inf}
    a = forward(name, z, **how)
    assert same_bits(alone, a[row])
    assert same_bits(product, backward(name, a, da, **how)[row])
