"""A network in one launch: the canonical sum, layer by layer, in every batch."""

import cupy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import canonical

from mlpcore.kernels.reference.activations import ACTIVATIONS

ODD = (19, 18, 7, 17, 3)
ACTIVATED = ("tanh", "leaky_relu", "silu", "identity")
F32, F64 = np.float32, np.float64


def affine(case, layer, x):
    """z by the canonical sum, bit for bit."""
    z = canonical.product(x.T, case.weight(layer).T, canonical.BLOCK)
    return z if layer.bias is None else z + case.bias(layer)


def check_every_layer(case, x, kept):
    """Each z is the canonical sum of the a before, and each a is f(z)."""
    eps = np.finfo(case.dtype).eps
    for layer, z, a in zip(case.layers, kept.z, kept.a, strict=True):
        z, a = z.get(), a.get()
        np.testing.assert_array_equal(z, affine(case, layer, x))
        function = ACTIVATIONS[layer.activation]
        exact = function.forward(np, z.astype(F64), **dict.fromkeys(function.defaults, 0.25))
        np.testing.assert_allclose(a, exact, rtol=15 * eps, atol=15 * eps)
        x = a


@pytest.mark.parametrize(("dtype", "rows"), [(F32, 21), (F32, 197), (F64, 9)])
def test_each_z_is_the_canonical_sum(network, dtype, rows):
    case = network(ODD, ACTIVATED, dtype)
    x = case.x(rows)
    kernels, parameters = case.kernels(), cupy.asarray(case.parameters)
    kept = kernels.forward_keeping(cupy.asarray(x), parameters)
    check_every_layer(case, x, kept)
    assert kept.a[3] is kept.z[3]  # the identity
    out = kernels.forward(cupy.asarray(x), parameters)
    np.testing.assert_array_equal(out.get(), kept.a[-1].get())
    assert all(array.data.ptr % 64 == 0 for array in kept.z + kept.a)


def test_the_greatest_width_whose_weights_come_in_panels_or_are_resident(network, monkeypatch):
    case = network((128, 128, 10))
    x = case.x(3)
    on_device = cupy.asarray(x), cupy.asarray(case.parameters)
    kept = case.kernels().forward_keeping(*on_device)
    check_every_layer(case, x, kept)
    monkeypatch.setattr("mlpcore.kernels.cuda.narrow.kernels.shared_bytes_of_block", lambda _: 0)
    panels = case.kernels().forward(*on_device)
    np.testing.assert_array_equal(panels.get(), kept.a[-1].get())


def test_panels_with_a_rest(network, monkeypatch):
    case = network(ODD, ACTIVATED)
    on_device = cupy.asarray(case.x(5)), cupy.asarray(case.parameters)
    resident = case.kernels().forward(*on_device)
    monkeypatch.setattr("mlpcore.kernels.cuda.narrow.kernels.shared_bytes_of_block", lambda _: 0)
    panels = case.kernels().forward(*on_device)
    np.testing.assert_array_equal(panels.get(), resident.get())


@pytest.fixture(scope="module")
def odd(network):
    case = network(ODD, ACTIVATED)
    return case, case.kernels()


@given(rows=st.integers(0, 260), take=st.data())
@settings(max_examples=15, deadline=None)
def test_a_row_has_the_same_bits_in_every_batch(odd, rows, take):
    """From 193 rows on, tiles have 64 rows on the double; below, they have 16."""
    case, kernels = odd
    parameters = cupy.asarray(case.parameters)
    x = case.x(260)
    whole = kernels.forward(cupy.asarray(x), parameters).get()
    start = take.draw(st.integers(0, 260 - rows))
    part = kernels.forward(cupy.asarray(x[start : start + rows]), parameters).get()
    np.testing.assert_array_equal(part, whole[start : start + rows])


def test_a_deep_network_without_biases(network):
    case = network((5, *[6] * 40, 2), ("tanh",), biases=False)
    x = case.x(4)
    kept = case.kernels().forward_keeping(cupy.asarray(x), cupy.asarray(case.parameters))
    assert len(kept.z) == 41
    check_every_layer(case, x, kept)


def test_arrays_that_begin_anywhere(network, double):
    case = network((8, 12, 4))
    x, kernels = case.x(10), case.kernels()
    expected = kernels.forward(cupy.asarray(x), cupy.asarray(case.parameters)).get()
    with double.exact_bounds():
        memory = cupy.full(x.size + 1, np.nan, F32)
        shifted_x = memory[1:].reshape(x.shape)
        shifted_x[...] = cupy.asarray(x)
        memory = cupy.full(case.parameters.size + 1, np.nan, F32)
        shifted_parameters = memory[1:]
        shifted_parameters[...] = cupy.asarray(case.parameters)
        memory = cupy.full(10 * 4 + 1, np.nan, F32)
        out = memory[1:].reshape(10, 4)
        assert kernels.forward(shifted_x, shifted_parameters, out) is out
        np.testing.assert_array_equal(out.get(), expected)


def test_the_order_of_threads_changes_nothing(odd, double):
    case, kernels = odd
    results = []
    for order in ("forward", "reverse", "random"):
        with double.exact_bounds(), double.order(order):
            x, parameters = cupy.asarray(case.x(37)), cupy.asarray(case.parameters)
            results.append(kernels.forward(x, parameters).get())
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_nan_and_infinities_stay_in_their_rows(odd):
    case, kernels = odd
    x = case.x(40)
    parameters = cupy.asarray(case.parameters)
    usual = kernels.forward(cupy.asarray(x), parameters).get()
    x[7, 3], x[8, 18] = np.nan, np.inf
    kept = kernels.forward_keeping(cupy.asarray(x), parameters)
    assert np.isnan(kept.a[-1].get()[7]).all()
    # Every weight of x[8, 18] makes an infinite z of its sign, and tanh takes it to ±1.
    sign = np.sign(case.weight(case.layers[0])[:, 18])
    np.testing.assert_array_equal(kept.z[0].get()[8], sign * np.inf)
    np.testing.assert_array_equal(kept.a[0].get()[8], sign)
    others = np.delete(np.arange(40), [7, 8])
    np.testing.assert_array_equal(kept.a[-1].get()[others], usual[others])


def test_one_launch_and_nothing_else(odd, double):
    case, kernels = odd
    x, parameters = cupy.asarray(case.x(37)), cupy.asarray(case.parameters)
    kernels.forward(x, parameters)
    kernels.forward_keeping(x, parameters)
    double.reset_counters()
    kernels.forward(x, parameters)
    kernels.forward_keeping(x, parameters)
    counters = double.counters
    assert dict(counters.launches) == {
        "mlpcore_narrow_float32": 1,
        "mlpcore_narrow_keeping_float32": 1,
    }
    assert counters.host_to_device == counters.synchronisations == 0
    assert kernels.forward(x[:0], parameters).shape == (0, 3)
    assert [z.shape for z in kernels.forward_keeping(x[:0], parameters).z] == [
        (0, n) for n in ODD[1:]
    ]
    assert sum(counters.launches.values()) == 2


def test_what_does_not_fit_is_refused(odd):
    case, kernels = odd
    x, parameters = cupy.asarray(case.x(2)), cupy.asarray(case.parameters)
    with pytest.raises(ValueError, match=r"x has shape \(2, 18\), expected \(rows, 19\)"):
        kernels.forward(cupy.ascontiguousarray(x[:, 1:]), parameters)
    with pytest.raises(TypeError, match="x has dtype float64"):
        kernels.forward(x.astype(F64), parameters)
    with pytest.raises(ValueError, match="expected one axis of at least"):
        kernels.forward(x, parameters[:16])
    with pytest.raises(ValueError, match=r"out has shape \(1, 3\), expected \(2, 3\)"):
        kernels.forward(x, parameters, cupy.empty((1, 3), F32))
    with pytest.raises(ValueError, match="not C-contiguous"):
        kernels.forward(cupy.empty((19, 2), F32).T, parameters)
