"""MLP: which numbers it takes, from which library, and that results come back as they went in."""

import array_api_strict
import ml_dtypes
import numpy as np
import pytest
from scipy import sparse
from support.models import model

from mlpcore import MLP
from mlpcore.functional import relu

FLOATS = [np.float16, np.float32, np.float64]
INTEGERS = [np.int8, np.uint8, np.int32, np.int64, np.bool_]


@pytest.mark.parametrize("given_dtype", FLOATS + INTEGERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_real_input_is_converted_to_the_models_dtype(given_dtype, dtype):
    net = model(dtype=dtype)
    x = np.array([[0, 1, 1, 0], [1, 0, 0, 1]]).astype(given_dtype)
    found = net(x)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, net(x.astype(dtype)))


@pytest.mark.parametrize(
    "x",
    [
        np.zeros((2, 4), dtype=complex),
        np.zeros((2, 4), dtype=object),
        np.full((2, 4), "a"),
        np.zeros((2, 4), dtype="datetime64[s]"),
        [["a", "b", "c", "d"]],
    ],
    ids=["complex", "object", "string", "date", "list of strings"],
)
def test_anything_but_real_numbers_is_refused(x):
    with pytest.raises(TypeError, match="expected real numbers, got an array of dtype"):
        model()(x)


def test_half_precision_is_taken_to_single_and_bfloat16_is_refused_with_advice(device):
    net = model(device=device)
    x = np.random.default_rng(5).normal(size=(6, 4))
    half = x.astype(np.float16)
    np.testing.assert_array_equal(net(half), net(half.astype(np.float32)))
    brain = x.astype(ml_dtypes.bfloat16)
    t = np.zeros(6, int)
    for use in (net, net.forward, net.freeze(), lambda x: net.fit(x, t, epochs=1)):
        with pytest.raises(TypeError, match="dtype bfloat16; convert it to float32 first"):
            use(brain)


def test_lists_and_arrays_of_any_layout_give_the_same():
    net = model(dtype="float64")
    x = np.random.default_rng(5).normal(size=(6, 4))
    expected = net(x)
    wide = np.zeros((6, 8))
    wide[:, ::2] = x
    raw = bytearray(x.nbytes + 1)
    misaligned = np.frombuffer(raw, dtype=np.uint8)[1:].view(np.float64).reshape(6, 4)
    misaligned[...] = x
    frozen = x.copy()
    frozen.flags.writeable = False
    backwards = x[::-1].copy()[::-1]
    swapped = x.astype(x.dtype.newbyteorder())
    for other in (x.tolist(), np.asfortranarray(x), wide[:, ::2], misaligned, frozen, backwards):
        np.testing.assert_array_equal(net(other), expected)
    np.testing.assert_array_equal(net(swapped), expected)


def test_a_single_number_is_not_a_sample():
    with pytest.raises(ValueError, match="x must have the shape"):
        MLP([1, 1], seed=0)(3.0)


class Frame:
    """A table that NumPy can read and that indexes by column, as data frames do."""

    def __init__(self, data):
        self.data = data
        self.shape = data.shape

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.data, dtype=dtype)

    def __getitem__(self, column):
        raise KeyError(column)


def test_a_data_frame_is_an_array():
    net = model(dtype="float64")
    x, t = np.random.default_rng(0).normal(size=(9, 4)), np.array([0, 1, 2] * 3)
    np.testing.assert_array_equal(net(Frame(x)), net(x))
    np.testing.assert_allclose(net.predict(Frame(x), batch_size=4), net(x), rtol=1e-12)
    assert len(net.fit(Frame(x), Frame(t), epochs=1)) == 1
    assert net.evaluate(Frame(x), Frame(t)) == net.evaluate(x, t)


def test_the_input_is_never_written():
    net = MLP([4, 4], activation=["relu"], seed=0)
    x = np.random.default_rng(6).normal(size=(5, 4)).astype(np.float32)
    kept = x.copy()
    out = net(x)
    out += 1
    net.fit(x, np.zeros((5, 4)), epochs=1)
    np.testing.assert_array_equal(x, kept)


def test_another_dlpack_producer_gets_its_own_kind_back():
    net = model()
    x = array_api_strict.asarray(np.random.default_rng(7).normal(size=(3, 4)).astype(np.float32))
    z, cache = net.forward(x)
    grads = net.backward(cache, z)
    value, _ = net.value_and_grad(x, array_api_strict.zeros((3,), dtype=array_api_strict.int64))
    for array in (value, net(x), z, cache.x, cache.layers[0].a, grads.flat, grads.input):
        assert type(array) is type(x)
    np.testing.assert_array_equal(np.from_dlpack(net(x)), net(np.from_dlpack(x)))


def test_mixed_kinds_are_a_type_error_that_names_both():
    net = model()
    x = np.zeros((3, 4), dtype=np.float32)
    other = array_api_strict.zeros((3,), dtype=array_api_strict.int64)
    words = r"x is a numpy \(host\) array but t is a array_api_strict \(host\) array"
    with pytest.raises(TypeError, match=words):
        net.value_and_grad(x, other)
    with pytest.raises(TypeError, match=words):
        net.fit(x, other)
    with pytest.raises(TypeError, match=words):
        net.trainer().step(x, other)
    _, cache = net.forward(x)
    with pytest.raises(TypeError, match=r"x was a numpy .* but dz is a array_api_strict"):
        net.backward(cache, array_api_strict.zeros((3, 3)))


def test_nan_and_infinity_pass_through_without_a_warning():
    net = MLP([2, 2], activation=["relu"], seed=0, dtype="float64")
    net.set_parameters({"layers.0.weight": np.eye(2), "layers.0.bias": np.zeros(2)})
    with np.errstate(all="raise"):
        found = net(np.array([[np.nan, 1.0], [np.inf, 1.0], [-np.inf, 1.0]]))
    assert np.isnan(found[0, 0])
    assert np.isnan(found[1, 1])  # inf * 0
    extreme = MLP([1, 1], output="sigmoid", seed=0)
    extreme.set_parameters({"layers.0.weight": [[1.0]], "layers.0.bias": [0.0]})
    top = np.finfo(np.float32).max
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(extreme([[top], [-top]]), [[1], [0]])


@pytest.mark.parametrize("name", ["csr_matrix", "csr_array", "coo_array", "lil_matrix"])
def test_a_sparse_matrix_is_refused_with_what_to_do_instead(name):
    net, t = MLP([4, 3, 2], output="softmax", seed=0), np.array([0, 1, 0])
    x = getattr(sparse, name)(np.eye(3, 4, dtype=np.float32))
    trainer = net.trainer()
    for work in (
        lambda: net(x),
        lambda: net.forward(x),
        lambda: net.freeze()(x),
        lambda: net.value_and_grad(x, t),
        lambda: trainer.step(x, t),
        lambda: net.fit(x, t),
        lambda: net.fit([(x, t)]),
        lambda: net.evaluate(x, t),
        lambda: relu(x),
    ):
        with pytest.raises(
            TypeError, match=rf"got a sparse {name}; give x\.toarray\(\), .*sklearn"
        ):
            work()
    assert net(x.toarray()).shape == (3, 2)
