"""Kinds, dtypes and ``out=``: the promises that every function keeps in the same way."""

import sys
import types

import array_api_strict
import numpy as np
import pytest

from mlpcore import functional as F


class Tensor:
    """An array of a library that mlpcore has never heard of, which speaks only DLPack."""

    def __init__(self, data, readonly=False):
        self.data = np.array(data)
        self.data.flags.writeable = not readonly

    dtype = property(lambda self: self.data.dtype)
    shape = property(lambda self: self.data.shape)

    def __dlpack__(self, **options):
        return self.data.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.data.__dlpack_device__()

    @classmethod
    def wrap(cls, x):
        tensor = cls.__new__(cls)
        tensor.data = np.from_dlpack(x)
        return tensor


class Strict:
    """The arrays of array_api_strict, which refuse whatever the standard does not promise."""

    asarray = staticmethod(lambda x: array_api_strict.asarray(np.asarray(x)))
    type = type(array_api_strict.asarray(0))


class Foreign:
    asarray = staticmethod(Tensor)
    type = Tensor


@pytest.fixture
def tensors(monkeypatch):
    """Install the unknown library."""
    module = types.ModuleType("tensors")
    module.from_dlpack = Tensor.wrap
    monkeypatch.setitem(sys.modules, "tensors", module)
    monkeypatch.setattr(Tensor, "__module__", "tensors.core")


@pytest.fixture(params=[Strict, Foreign])
def library(request, tensors):
    return request.param


X = np.array([[1.0, -2.0, 3.0], [0.5, 0.25, -1.0]])
W = np.array([[1.0, 0.0, -1.0], [2.0, 1.0, 0.0]])
B = np.array([0.5, -0.5])

CALLS = {
    "relu": (F.relu, (X,)),
    "softmax": (F.softmax, (X,)),
    "logsumexp": (F.logsumexp, (X,)),
    "affine": (F.affine, (X, W, B)),
    "affine_relu": (F.affine_relu, (X, W, B)),
    "cross_entropy": (F.cross_entropy, (X, np.array([0, 2]))),
    "mse": (F.mse, (X, X - 1)),
    "forward_propagation": (lambda x, W, b: F.forward_propagation(x, [W], [b], "tanh"), (X, W, B)),
}
every_call = pytest.mark.parametrize(("f", "arrays"), CALLS.values(), ids=CALLS)


def flat(result):
    """Return the arrays in what a function returned, whatever it is."""
    if isinstance(result, F.Propagation):
        return [result.x, *result.z, *result.a, *result.weights, *result.inputs]
    if isinstance(result, tuple):
        return [array for part in result for array in flat(part)]
    return [result]


@every_call
def test_an_array_of_another_library_gets_its_own_kind_back(f, arrays, library):
    results = flat(f(*map(library.asarray, arrays)))
    for ours, expected in zip(results, flat(f(*arrays)), strict=True):
        assert type(ours) is library.type
        np.testing.assert_array_equal(np.from_dlpack(ours), expected)


@every_call
def test_numpy_in_gives_numpy_out(f, arrays):
    for result in flat(f(*arrays)):
        assert type(result) is np.ndarray
    for result in flat(f(*(a.tolist() for a in arrays))):
        assert type(result) is np.ndarray


def test_gradients_are_of_the_kind_of_the_cache(library):
    y, cache = F.forward_propagation(library.asarray(X), [library.asarray(W)], None, "tanh")
    gradients = F.backward_propagation(cache, y)
    _, plain = F.forward_propagation(X, [W], None, "tanh")
    expected = F.backward_propagation(plain, plain.a[-1])
    for name in ("weights", "dz", "da"):
        (ours,), (theirs,) = getattr(gradients, name), getattr(expected, name)
        assert type(ours) is library.type
        np.testing.assert_array_equal(np.from_dlpack(ours), theirs)
    assert type(gradients.input) is library.type
    with pytest.raises(TypeError, match="dy is a numpy"):
        F.backward_propagation(cache, np.ones((2, 2)))


@pytest.mark.usefixtures("tensors")
def test_read_only_arrays_of_another_library_can_be_read():
    x, W_ = Tensor(X, readonly=True), Tensor(W, readonly=True)
    _, cache = F.forward_propagation(x, [W_], None, "tanh")
    assert cache.x is x
    assert F.backward_propagation(cache, Tensor(np.ones((2, 2)))).input.shape == (2, 3)


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_mixed_kinds_are_refused_by_name(wrong, library):
    arrays = [library.asarray(a) if i == wrong else a for i, a in enumerate((X, W, B))]
    with pytest.raises(TypeError, match=r"(x|W) is a .* array but (W|b) is a .* array; move one"):
        F.affine(*arrays)
    with pytest.raises(TypeError, match=r"out is a .* array; move one"):
        F.relu(X, out=library.asarray(np.empty_like(X)))
    with pytest.raises(TypeError, match=r"t is a .* array; move one"):
        F.mse(X, library.asarray(X))


@pytest.mark.parametrize(
    ("x", "W", "result"),
    [
        ("float32", "float32", "float32"),
        ("float64", "float32", "float64"),
        ("float32", "float64", "float64"),
        ("float16", "float16", "float32"),
        ("float16", "float64", "float64"),
        ("int64", "float32", "float32"),
        ("float32", "bool", "float32"),
        ("int8", "uint8", "float64"),
        ("bool", "bool", "float64"),
    ],
)
def test_the_result_has_the_widest_float_among_the_inputs(x, W, result):
    assert F.affine(np.ones((2, 3), x), np.ones((4, 3), W)).dtype == result
    y, _ = F.forward_propagation(np.ones((2, 3), x), [np.ones((4, 3), W)], None, "relu")
    assert y.dtype == result


def test_lists_and_numbers_adapt_to_the_arrays():
    assert F.affine(np.ones((2, 3), "f"), np.ones((2, 3), "f"), [0.5, 1]).dtype == np.float32
    assert F.relu([1, -2]).dtype == np.float64
    assert F.relu(-2.0).shape == ()


@every_call
@pytest.mark.parametrize("dtype", [complex, str, object])
def test_what_is_no_real_number_is_refused(f, arrays, dtype):
    with pytest.raises(TypeError, match="expected real numbers, got an array of dtype"):
        f(arrays[0].astype(dtype), *arrays[1:])


@pytest.mark.skipif(np.longdouble(0).itemsize == 8, reason="long double is double here")
def test_a_dtype_wider_than_double_is_refused():
    with pytest.raises(TypeError, match="wider than float64"):
        F.relu(np.ones(2, np.longdouble))


@pytest.mark.parametrize("name", ["relu", "softmax", "logsumexp", "affine", "affine_relu"])
def test_out_receives_the_result_and_is_returned(name):
    f, arrays = CALLS[name]
    expected = f(*arrays)
    out = np.empty_like(expected)
    assert f(*arrays, out=out) is out
    np.testing.assert_array_equal(out, expected)
    view = np.empty((4, *expected.shape))[1]
    f(*arrays, out=view)
    np.testing.assert_array_equal(view, expected)


def test_out_of_another_library_is_written_in_place(library):
    out = library.asarray(np.empty_like(X))
    assert F.relu(library.asarray(X), out=out) is out
    np.testing.assert_array_equal(np.from_dlpack(out), np.maximum(X, 0))


def test_out_may_overlap_the_inputs():
    x = X.copy()
    assert F.identity(x, out=x) is x
    np.testing.assert_array_equal(F.softmax(x, out=x), F.softmax(X))
    buffer = np.arange(12.0)
    x, out = buffer[:9].reshape(3, 3), buffer[3:].reshape(3, 3)
    eye_reversed = np.eye(3)[::-1]
    expected = F.affine(x.copy(), eye_reversed)
    np.testing.assert_array_equal(F.affine(x, eye_reversed, out=out), expected)


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        (np.empty((2, 2)), ValueError, r"out has shape \(2, 2\), but the result has \(2, 3\)"),
        (np.empty((2, 3), "f"), TypeError, "out has dtype float32, but the result is float64"),
        (np.empty((2, 3), int), TypeError, "out has dtype int64, but the result is float64"),
        (np.broadcast_to(0.0, (2, 3)), ValueError, "out is a read-only numpy"),
        ([[0.0] * 3] * 2, TypeError, "out must be an array to write to, got list"),
    ],
)
def test_an_out_that_does_not_fit_is_refused_with_the_reason(out, error, message):
    with pytest.raises(error, match=message):
        F.relu(X, out=out)


def test_nothing_is_written_when_the_input_is_refused():
    out = np.full((2, 2), 7.0)
    with pytest.raises(ValueError, match="takes"):
        F.affine(X, np.ones((2, 4)), out=out)
    np.testing.assert_array_equal(out, np.full((2, 2), 7.0))


def test_a_result_never_shares_memory_with_its_input():
    for f in (F.identity, F.relu, F.softmax):
        assert not np.shares_memory(f(X), X)


@every_call
def test_no_floating_point_warning_even_when_numpy_is_set_to_raise(f, arrays):
    big = np.finfo(np.float64).max
    x = np.array([[big, -big, 1e-308], [np.nan, np.inf, -np.inf]])
    with np.errstate(all="raise"):
        f(x, *arrays[1:])
