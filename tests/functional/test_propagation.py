"""Forward and backward propagation through networks given as lists of arrays."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.differences import central_differences, relative_error

from mlpcore import functional as F
from mlpcore.kernels.reference.activations import ACTIVATIONS
from mlpcore.nn.activations import activation

KINKED = ("relu", "leaky_relu", "elu", "selu", "hard_sigmoid", "hard_swish")
KINKS = (-3.0, 0.0, 3.0)


@pytest.fixture
def rng():
    return np.random.default_rng(4)


@st.composite
def networks(draw, last=tuple(ACTIVATIONS)):
    """Return weights, biases and activations of one to four layers, the widths from one to four."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    widths = draw(st.lists(st.integers(1, 4), min_size=2, max_size=5))
    layers = len(widths) - 1
    weights = [rng.normal(size=(n, m)) for m, n in pairwise(widths)]
    biases = [rng.normal(size=n) if draw(st.booleans()) else None for n in widths[1:]]
    names = [draw(st.sampled_from(tuple(ACTIVATIONS))) for _ in range(layers - 1)]
    return weights, biases, [*names, draw(st.sampled_from(last))], rng


def far_from_kinks(cache):
    """Whether no difference quotient steps over a kink."""
    return all(
        np.abs(z - kink).min(initial=1.0) > 1e-3
        for z, f in zip(cache.z, cache.activations, strict=True)
        if f.name in KINKED
        for kink in KINKS
    )


@given(network=networks(), lead=st.sampled_from([(), (3,), (2, 2)]), in_out=st.booleans())
def test_gradients_agree_with_central_differences(network, lead, in_out):
    weights, biases, names, rng = network
    x = rng.normal(size=(*lead, weights[0].shape[1]))
    layout = "in_out" if in_out else "out_in"
    if in_out:
        weights = [W.T.copy() for W in weights]
    y, cache = F.forward_propagation(x, weights, biases, names, layout=layout)
    assume(far_from_kinks(cache))
    dy = rng.normal(size=y.shape)
    gradients = F.backward_propagation(cache, dy)

    def value():
        return float(
            (F.forward_propagation(x, weights, biases, names, layout=layout)[0] * dy).sum()
        )

    arrays = [(x, gradients.input), *zip(weights, gradients.weights, strict=True)]
    arrays += [(b, db) for b, db in zip(biases, gradients.biases, strict=True) if b is not None]
    quotients = np.concatenate([central_differences(value, array).ravel() for array, _ in arrays])
    assume(np.abs(quotients).max() > 1e-3 * abs(value()))  # below that, rounding hides six digits
    for array, found in arrays:
        assert found.shape == array.shape
    found = np.concatenate([found.ravel() for _, found in arrays])
    assert relative_error(found, quotients) < 1e-6
    for b, db in zip(biases, gradients.biases, strict=True):
        assert (b is None) == (db is None)


@given(network=networks())
def test_a_batch_is_its_samples_one_by_one(network):
    weights, biases, names, rng = network
    x = rng.normal(size=(5, weights[0].shape[1]))
    y, cache = F.forward_propagation(x, weights, biases, names)
    dy = rng.normal(size=y.shape)
    gradients = F.backward_propagation(cache, dy)
    singles = [F.forward_propagation(row, weights, biases, names) for row in x]
    alone = [F.backward_propagation(c, d) for (_, c), d in zip(singles, dy, strict=True)]
    close = {"rtol": 1e-10, "atol": 1e-12}
    np.testing.assert_allclose(y, [y_row for y_row, _ in singles], **close)
    np.testing.assert_allclose(gradients.input, [g.input for g in alone], **close)
    for layer, dW in enumerate(gradients.weights):
        scale = max(np.abs(dW).max(), 1.0)
        total = sum(g.weights[layer] for g in alone)
        np.testing.assert_allclose(dW / scale, total / scale, **close)


@given(network=networks(last=("identity",)))
def test_without_activations_a_network_is_one_affine_map(network):
    weights, biases, _, rng = network
    x = rng.normal(size=(6, weights[0].shape[1]))
    y, _ = F.forward_propagation(x, weights, biases, [None] * len(weights))
    W, b = np.eye(x.shape[1]), np.zeros(x.shape[1])
    for W_layer, b_layer in zip(weights, biases, strict=True):
        W, b = W_layer @ W, W_layer @ b + (0 if b_layer is None else b_layer)
    np.testing.assert_allclose(y, F.affine(x, W, b), rtol=1e-9, atol=1e-10)


def test_the_gradient_of_a_scalar_by_an_n_by_m_matrix_is_n_by_m(rng):
    n, m = 4, 3
    W = rng.normal(size=(n, m))
    y, cache = F.forward_propagation(rng.normal(size=(7, m)), [W], None, "tanh")
    _, dy = F.mse(y, np.zeros_like(y))
    gradients = F.backward_propagation(cache, dy)
    assert gradients.weights[0].shape == W.shape == (n, m)


def test_a_worked_example_2_3_2_1():
    """Layer by layer on paper: z = [4, 2, -2], then [2, 1], then 3."""
    weights = [
        np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0]]),
        np.array([[0.5, 0.0, 5.0], [0.0, 0.5, 5.0]]),
        np.array([[1.0, 1.0]]),
    ]
    biases = [np.zeros(3), np.zeros(2), np.zeros(1)]
    y, cache = F.forward_propagation(
        np.array([3.0, 1.0]), weights, biases, ["relu", "relu", "sigmoid"]
    )
    np.testing.assert_array_equal(cache.z[0], [4, 2, -2])
    np.testing.assert_array_equal(cache.a[0], [4, 2, 0])
    np.testing.assert_array_equal(cache.z[1], [2, 1])
    np.testing.assert_array_equal(cache.a[1], [2, 1])
    np.testing.assert_array_equal(cache.z[2], [3])
    np.testing.assert_allclose(y, [0.9526], atol=5e-5)

    gradients = F.backward_propagation(cache, np.array([1.0]))
    slope = y[0] * (1 - y[0])
    np.testing.assert_allclose(gradients.dz[2], [slope])
    np.testing.assert_allclose(gradients.weights[2], [[2 * slope, slope]])
    np.testing.assert_allclose(gradients.da[1], [slope, slope])
    np.testing.assert_allclose(gradients.weights[1], slope * np.array([[4, 2, 0], [4, 2, 0]]))
    np.testing.assert_allclose(gradients.da[0], slope * np.array([0.5, 0.5, 10]))
    np.testing.assert_allclose(gradients.dz[0], slope * np.array([0.5, 0.5, 0]))
    np.testing.assert_allclose(gradients.weights[0], slope * np.array([[1.5, 0.5]] * 2 + [[0, 0]]))
    np.testing.assert_allclose(gradients.biases[0], slope * np.array([0.5, 0.5, 0]))
    np.testing.assert_allclose(gradients.input, slope * np.array([1.0, 0.0]))


def test_a_training_step_by_hand_lowers_the_loss(rng):
    x, t = rng.normal(size=(32, 4)), rng.integers(0, 3, 32)
    weights, biases = [rng.normal(size=(8, 4)), rng.normal(size=(3, 8))], [np.zeros(8), np.zeros(3)]
    losses = []
    for _ in range(30):
        z, cache = F.forward_propagation(x, weights, biases, ["relu", None])
        loss, dz = F.cross_entropy(z, t)
        gradients = F.backward_propagation(cache, dz)
        weights = [W - 0.1 * dW for W, dW in zip(weights, gradients.weights, strict=True)]
        biases = [b - 0.1 * db for b, db in zip(biases, gradients.biases, strict=True)]
        losses.append(float(loss))
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] / 2


@pytest.mark.parametrize("lead", [(), (5,), (2, 3), (0,)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_intermediate_has_the_shape_and_dtype_that_it_should(lead, dtype, rng):
    x = rng.normal(size=(*lead, 4)).astype(dtype)
    weights = [rng.normal(size=s).astype(dtype) for s in ((3, 4), (2, 3))]
    y, cache = F.forward_propagation(x, weights, None, "tanh")
    gradients = F.backward_propagation(cache, np.ones(y.shape))
    shapes = [(*lead, 3), (*lead, 2)]
    for arrays in (cache.z, cache.a, gradients.dz, gradients.da):
        assert [a.shape for a in arrays] == shapes
        assert {a.dtype for a in arrays} == {np.dtype(dtype)}
    assert y is cache.a[-1]
    assert [a.shape for a in cache.inputs] == [(*lead, 4), (*lead, 3)]
    assert gradients.input.shape == x.shape
    assert [dW.shape for dW in gradients.weights] == [(3, 4), (2, 3)]
    assert gradients.biases == (None, None)
    if lead == (0,):
        np.testing.assert_array_equal(gradients.weights[0], np.zeros((3, 4)))


def test_activations_are_named_once_or_for_each_layer(rng):
    x, weights = rng.normal(size=(3, 2)), [rng.normal(size=(2, 2))] * 2
    cube = (lambda z: z**3, lambda z: 3 * z**2)
    for given_, expected in [
        ("tanh", ["tanh", "tanh"]),
        (activation("tanh"), ["tanh", "tanh"]),
        (("tanh", "relu"), ["tanh", "relu"]),
        ([None, "relu"], ["identity", "relu"]),
        ([activation("leaky_relu", slope=0.1), "sin"], ["leaky_relu", "sin"]),
    ]:
        _, cache = F.forward_propagation(x, weights, None, given_)
        assert [f.name for f in cache.activations] == expected
    y, cache = F.forward_propagation(x, weights, None, cube)
    np.testing.assert_allclose(y, ((x @ weights[0].T) ** 3 @ weights[1].T) ** 3)
    assert F.backward_propagation(cache, y).input.shape == x.shape


@pytest.mark.parametrize(
    ("weights", "biases", "activations", "message"),
    [
        ([], [], "relu", "weights is empty; expected one matrix for each layer"),
        ([(3, 2)], [None, None], "relu", "1 weights came with 2 biases"),
        ([(3, 2)], None, ["relu", "relu"], "1 weights came with 2 activations"),
        (
            [(3, 2), (2, 4)],
            None,
            "relu",
            r"layer 1: the input has shape \(5, 3\), but W .*\(2, 4\)",
        ),
        ([(3, 4)], None, "relu", r"layer 0: the input has shape \(5, 2\)"),
        (
            [(3, 2), (2, 3)],
            [None, (3,)],
            "relu",
            r"layer 1: b has shape \(3,\), but W .* takes \(2,\)",
        ),
        (
            [(3, 2), (3,)],
            None,
            "relu",
            r"weights\[1\] must be a matrix \(out, in\), got shape \(3,\)",
        ),
        ([(3, 2)], None, "rleu", "unknown activation 'rleu'"),
    ],
)
def test_networks_that_do_not_fit_are_refused_by_layer(weights, biases, activations, message):
    weights = [np.ones(shape) for shape in weights]
    if biases is not None:
        biases = [None if shape is None else np.ones(shape) for shape in biases]
    with pytest.raises(ValueError, match=message):
        F.forward_propagation(np.ones((5, 2)), weights, biases, activations)


def test_a_gradient_of_another_shape_than_the_output_is_refused():
    _, cache = F.forward_propagation(np.ones((5, 2)), [np.ones((3, 2))], None, "relu")
    with pytest.raises(ValueError, match=r"dy has shape \(5,\); expected \(5, 3\)"):
        F.backward_propagation(cache, np.ones(5))


def test_no_floating_point_warning_even_when_numpy_is_set_to_raise():
    x = np.array([[1e308, -1e308], [np.inf, np.nan]])
    with np.errstate(all="raise"):
        for name in ACTIVATIONS:
            y, cache = F.forward_propagation(x, [np.full((2, 2), 1e300)], None, name)
            F.backward_propagation(cache, np.full_like(y, 1e300))
