"""The three products of a layer: canonical sums of any shape, close to float64."""

import cupy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import canonical, cublaslt_cases
from support.cublaslt_cases import Layer

from mlpcore.kernels.cuda.tiled import affine, input_gradient, products, weight_gradient
from mlpcore.kernels.reference.activations import ACTIVATIONS

F32 = np.float32
size = st.integers(1, 40)
layers = st.builds(
    Layer,
    rows=size,
    inputs=size,
    outputs=size,
    dtype=st.just("float32"),
    shift=st.sampled_from([0, 0, 1]),
    seed=st.integers(0, 2**16),
)
few_examples = settings(max_examples=12, deadline=None)


@given(layers)
@few_examples
def test_x_w_and_b(layer):
    z = affine(*map(layer.on_device, (layer.x, layer.W, layer.b)))
    cublaslt_cases.within(z, *cublaslt_cases.affine(layer))


@given(layers)
@few_examples
def test_dz_and_w(layer):
    da = input_gradient(layer.on_device(layer.dz), layer.on_device(layer.W))
    cublaslt_cases.within(da, *cublaslt_cases.product(layer.dz, layer.W))


@given(layers)
@few_examples
def test_dz_and_x(layer):
    dW = weight_gradient(layer.on_device(layer.dz), layer.on_device(layer.x))
    cublaslt_cases.within(dW, *cublaslt_cases.product(layer.dz.T, layer.x))


def test_all_in_double_precision():
    layer = Layer(70, 43, 37, "float64")  # large tiles, for which the double has multiprocessors
    x, W, b, dz = map(cupy.asarray, (layer.x, layer.W, layer.b, layer.dz))
    cublaslt_cases.within(affine(x, W, b), *cublaslt_cases.affine(layer))
    cublaslt_cases.within(input_gradient(dz, W), *cublaslt_cases.product(layer.dz, layer.W))
    cublaslt_cases.within(weight_gradient(dz, x), *cublaslt_cases.product(layer.dz.T, layer.x))


# Sums of one chain and of several, whole and with a rest; tiles of both sizes: on the double, from
# four large ones on.
@pytest.mark.parametrize(("rows", "inputs", "outputs"), [(5, 256, 7), (3, 530, 6), (130, 19, 70)])
def test_z_is_the_canonical_sum_of_features(rows, inputs, outputs):
    layer = Layer(rows, inputs, outputs, "float32")
    z = affine(*map(cupy.asarray, (layer.x, layer.W, layer.b)))
    np.testing.assert_array_equal(z.get(), canonical.affine(layer.x, layer.W, layer.b))


@pytest.mark.parametrize(("rows", "inputs", "outputs"), [(5, 7, 256), (3, 6, 530), (70, 129, 19)])
def test_dx_is_the_canonical_sum_of_features(rows, inputs, outputs):
    layer = Layer(rows, inputs, outputs, "float32")
    dx = input_gradient(cupy.asarray(layer.dz), cupy.asarray(layer.W))
    expected = canonical.product(layer.dz.T, layer.W, canonical.BLOCK)
    np.testing.assert_array_equal(dx.get(), expected)


@pytest.mark.parametrize(("rows", "inputs", "outputs"), [(64, 6, 5), (203, 5, 9), (35, 130, 70)])
def test_dw_is_the_canonical_sum_of_rows(rows, inputs, outputs):
    layer = Layer(rows, inputs, outputs, "float32")
    dW = weight_gradient(cupy.asarray(layer.dz), cupy.asarray(layer.x))
    expected = canonical.product(layer.dz, layer.x, canonical.ROW_BLOCK)
    np.testing.assert_array_equal(dW.get(), expected)


@pytest.mark.parametrize("most", [1, 2])
def test_more_columns_of_tiles_than_an_axis_of_the_grid_has(monkeypatch, most):
    """In place of 65535, which would take an hour here."""
    layer = Layer(3, 5, 90, "float32")  # three columns of small tiles
    x, W = cupy.asarray(layer.x), cupy.asarray(layer.W)
    expected = affine(x, W).get()
    monkeypatch.setattr(products, "_MOST_ACROSS", most)
    np.testing.assert_array_equal(affine(x, W).get(), expected)


@given(rows=st.integers(0, 260), data=st.data())
@settings(max_examples=10, deadline=None)
def test_a_row_has_the_same_bits_in_every_batch(rows, data):
    layer = Layer(260, 21, 33, "float32")
    x, W, b, dz = map(cupy.asarray, (layer.x, layer.W, layer.b, layer.dz))
    start = data.draw(st.integers(0, 260 - rows))
    part = slice(start, start + rows)
    np.testing.assert_array_equal(affine(x[part], W, b).get(), affine(x, W, b)[part].get())
    dx = input_gradient(dz, W)
    np.testing.assert_array_equal(input_gradient(dz[part], W).get(), dx[part].get())


@pytest.mark.parametrize("name", ["tanh"])
def test_a_is_f_of_the_z_that_is_kept(name):
    layer = Layer(9, 11, 13, "float32")
    x, W, b = map(cupy.asarray, (layer.x, layer.W, layer.b))
    keep, out = cupy.empty((2, 9, 13), F32)
    assert affine(x, W, b, name, setting=0.25, out=out, keep=keep) is out
    np.testing.assert_array_equal(keep.get(), affine(x, W, b).get())
    function = ACTIVATIONS[name]
    given = dict.fromkeys(function.defaults, 0.25)
    exact = function.forward(np, keep.get().astype(np.float64), **given)
    eps = np.finfo(F32).eps
    np.testing.assert_allclose(out.get(), exact, rtol=15 * eps, atol=15 * eps)


def test_the_same_bits_as_a_narrow_network():
    from mlpcore.kernels.cuda.narrow import NarrowKernels, NarrowLayer

    layer = Layer(6, 19, 5, "float32")
    x, W, b = map(cupy.asarray, (layer.x, layer.W, layer.b))
    parameters = cupy.concatenate([W.ravel(), b])
    narrow = NarrowKernels([NarrowLayer(19, 5, "tanh", 0, W.size)], F32)
    a = affine(x, W, b, "tanh")
    np.testing.assert_array_equal(a.get(), narrow.forward(x, parameters).get())


def test_nan_and_infinities_stay_in_their_rows():
    layer = Layer(40, 21, 10, "float32")
    x, W, b = layer.x, layer.W, layer.b
    usual = affine(*map(cupy.asarray, (x, W, b))).get()
    x[7, 3], x[8, 20] = np.nan, np.inf
    z = affine(*map(cupy.asarray, (x, W, b))).get()
    assert np.isnan(z[7]).all()
    np.testing.assert_array_equal(z[8], np.sign(W[:, 20]) * np.inf)
    others = np.delete(np.arange(40), [7, 8])
    np.testing.assert_array_equal(z[others], usual[others])


def test_subnormal_numbers_stay():
    tiny = np.finfo(F32).smallest_subnormal
    x, W = cupy.full((1, 1), 3 * tiny, F32), cupy.ones((1, 1), F32)
    assert affine(x, W).get() == 3 * tiny


def test_the_order_of_threads_changes_nothing(double):
    layer, results = Layer(37, 21, 33, "float32"), []
    for order in ("forward", "reverse", "random"):
        with double.exact_bounds(), double.order(order):
            x, W, dz = map(cupy.asarray, (layer.x, layer.W, layer.dz))
            gradients = input_gradient(dz, W), weight_gradient(dz, x)
            results.append([array.get() for array in (affine(x, W), *gradients)])
    for others in results[1:]:
        for first, other in zip(results[0], others, strict=True):
            np.testing.assert_array_equal(first, other)


def test_nothing_to_add_up_and_nothing_to_compute():
    b = cupy.asarray(np.array([1, -2], F32))
    a = affine(cupy.empty((3, 0), F32), cupy.empty((2, 0), F32), b, "relu")
    np.testing.assert_array_equal(a.get(), [[1, 0]] * 3)
    dW = weight_gradient(cupy.empty((0, 2), F32), cupy.empty((0, 4), F32))
    np.testing.assert_array_equal(dW.get(), np.zeros((2, 4)))
    assert affine(cupy.empty((0, 3), F32), cupy.empty((2, 3), F32)).shape == (0, 2)


def test_one_launch_and_nothing_else(double):
    layer = Layer(5, 6, 7, "float32")
    x, W, b, dz = map(cupy.asarray, (layer.x, layer.W, layer.b, layer.dz))

    def all_products():
        return affine(x, W, b), input_gradient(dz, W), weight_gradient(dz, x)

    all_products()
    double.reset_counters()
    all_products()
    assert dict(double.counters.launches) == {
        "mlpcore_tiled_affine_identity_float32": 1,
        "mlpcore_tiled_input_gradient_identity_float32": 1,
        "mlpcore_tiled_weight_gradient_identity_float32": 1,
    }
    assert double.counters.host_to_device == double.counters.synchronisations == 0


def test_what_does_not_fit_is_refused():
    x, W, b = cupy.zeros((2, 3), F32), cupy.zeros((4, 3), F32), cupy.zeros(4, F32)
    with pytest.raises(ValueError, match=r"W has shape \(4, 2\), expected \(4, 3\)"):
        affine(x, cupy.zeros((4, 2), F32), b)
    with pytest.raises(ValueError, match=r"b has shape \(3,\), expected \(4,\)"):
        affine(x, W, b[:3])
    with pytest.raises(TypeError, match="bias has dtype float64"):
        affine(x, W, b.astype(np.float64))
    with pytest.raises(ValueError, match="unknown activation 'softmax'"):
        affine(x, W, b, "softmax")
    with pytest.raises(ValueError, match=r"x has shape \(3, 3\), expected \(2, 3\)"):
        weight_gradient(cupy.zeros((2, 4), F32), cupy.zeros((3, 3), F32))
    with pytest.raises(ValueError, match="expected two axes"):
        input_gradient(b, W)
