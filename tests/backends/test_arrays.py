"""Kinds of array are told apart without importing the library that makes them."""

import sys
import types

import array_api_strict
import ml_dtypes
import numpy as np
import pytest

from mlpcore.backends.arrays import CUPY, NUMPY, Kind, bring_in, common_kind, kind_of, send_back

HOST, CUDA, METAL = 1, 2, 8


def foreign(place, name="elsewhere"):
    """Return an array of a library of its own, on DLPack device type `place`."""

    class Array:
        def __init__(self):
            self.data = np.zeros(3)

        def __dlpack_device__(self):
            return place, 0

        def __dlpack__(self, **options):
            return self.data.__dlpack__(**options)

    Array.__module__ = f"{name}.core"
    return Array()


@pytest.mark.parametrize("x", [np.zeros(2), np.float32(1), [1, 2], (1, 2), 3, 1.5, None, range(3)])
def test_what_numpy_reads_by_itself_counts_as_numpy(x):
    assert kind_of(x) == NUMPY


def test_a_library_is_known_by_its_name_and_memory():
    assert kind_of(array_api_strict.zeros(2)) == Kind("array_api_strict", on_gpu=False)
    assert kind_of(foreign(HOST)) == Kind("elsewhere", on_gpu=False)
    assert kind_of(foreign(CUDA)) == Kind("elsewhere", on_gpu=True)
    assert kind_of(foreign(CUDA, "cupy")) == CUPY
    assert kind_of(foreign(HOST, "jaxlib")).name == "jax"
    assert str(kind_of(foreign(CUDA))) == "elsewhere (CUDA device)"


def test_memory_that_is_neither_host_nor_cuda_is_refused():
    with pytest.raises(TypeError, match="elsewhere array on DLPack device type 8"):
        kind_of(foreign(METAL))


@pytest.mark.parametrize("error", [ValueError, BufferError, RuntimeError])
def test_memory_that_dlpack_does_not_know_is_refused(error):
    class Array:
        def __dlpack_device__(self):
            raise error("Unknown device type meta for Dlpack")

    Array.__module__ = "elsewhere"
    with pytest.raises(TypeError, match="elsewhere array is neither on the host nor on CUDA: Unkn"):
        kind_of(Array())


@pytest.mark.parametrize("mask", [False, [True, False]])
def test_a_masked_array_is_refused_before_it_loses_its_mask(mask):
    x = np.ma.masked_array([1.0, 2.0], mask=mask)
    with pytest.raises(TypeError, match=r"lose its mask; give x\.filled\(value\)"):
        bring_in(x, kind_of(x))
    assert bring_in(x.filled(0), NUMPY) is not None


def test_plain_lists_and_numbers_go_with_any_kind():
    x = array_api_strict.zeros(2)
    assert common_kind(x=x, t=[0, 1], w=None, b=0.5) == kind_of(x)
    assert common_kind(t=[0, 1]) == NUMPY
    assert common_kind() == NUMPY


def test_two_kinds_are_refused_with_advice():
    with pytest.raises(TypeError, match=r"x is a numpy \(host\) .* t is a cupy \(CUDA device\)"):
        common_kind(x=np.zeros(2), t=foreign(CUDA, "cupy"))


def gone_through(place, name):
    return np.zeros(2) if name == "numpy" else foreign(place, name)


@pytest.mark.parametrize(
    ("x", "t", "advice"),
    [
        ((HOST, "numpy"), (HOST, "torch"), "numpy.from_dlpack(t)"),
        ((HOST, "torch"), (HOST, "numpy"), "numpy.from_dlpack(x)"),
        ((HOST, "torch"), (HOST, "other"), "torch.from_dlpack(t)"),
        ((HOST, "jax"), (HOST, "torch"), "jax.numpy.from_dlpack(t)"),
        ((CUDA, "torch"), (CUDA, "cupy"), "cupy.from_dlpack(x)"),
        (
            (HOST, "numpy"),
            (CUDA, "cupy"),
            "cupy.asarray(x) to the GPU, or cupy.asnumpy(t) to the host",
        ),
        (
            (CUDA, "cupy"),
            (HOST, "numpy"),
            "cupy.asarray(t) to the GPU, or cupy.asnumpy(x) to the host",
        ),
        (
            (HOST, "torch"),
            (CUDA, "torch"),
            "cupy.asarray(numpy.from_dlpack(x)) to the GPU, "
            "or cupy.asnumpy(cupy.from_dlpack(t)) to the host",
        ),
    ],
    ids=str,
)
def test_the_advice_fits_the_two_kinds(x, t, advice):
    with pytest.raises(TypeError) as caught:
        common_kind(x=gone_through(*x), t=gone_through(*t))
    assert str(caught.value).endswith(f"; move one of them: {advice}")


@pytest.mark.parametrize("dtype", [complex, object, "U3", "datetime64[s]"])
def test_anything_but_real_numbers_is_refused(dtype):
    with pytest.raises(TypeError, match="expected real numbers, got an array of dtype"):
        bring_in(np.zeros(2, dtype=dtype), NUMPY)


def test_a_dtype_that_numpy_lacks_is_a_type_error():
    class Array:
        dtype = "bfloat16"

        def __dlpack_device__(self):
            return HOST, 0

        def __dlpack__(self, **options):
            raise BufferError("no such dtype")

    Array.__module__ = "elsewhere"
    x = Array()
    with pytest.raises(TypeError, match=r"elsewhere \(host\) array of bfloat16 cannot be read"):
        bring_in(x, kind_of(x))


def test_host_arrays_come_in_without_a_copy():
    x = foreign(HOST)
    assert np.shares_memory(bring_in(x, kind_of(x)), x.data)
    y = np.zeros(3)
    assert bring_in(y, NUMPY) is y


class Theirs:
    """An array of another library, whose dtype is NumPy's or, as in PyTorch, an object of its own
    that says what it is in its text alone."""

    def __init__(self, data, as_text=False):
        self.data = data
        self.dtype = f"elsewhere.{data.dtype}" if as_text else data.dtype


def install(monkeypatch, from_dlpack, name="elsewhere"):
    """Install a library with this function, and return the kind of its arrays on the host."""
    library = types.ModuleType(name)
    library.from_dlpack = from_dlpack
    library.numpy = library
    monkeypatch.setitem(sys.modules, name, library)
    return Kind(name, on_gpu=False)


def test_what_may_not_be_written_and_scalars_can_be_sent_back(monkeypatch):
    kind = install(monkeypatch, lambda x: Theirs(np.from_dlpack(x)))
    frozen = np.arange(3.0)
    frozen.flags.writeable = False
    for value in (frozen, np.arange(3.0), np.float32(2)):
        result = send_back(value, kind)
        assert isinstance(result, Theirs)
        np.testing.assert_array_equal(result.data, value)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_result_keeps_its_dtype(monkeypatch, dtype):
    kind = install(monkeypatch, lambda x: Theirs(np.from_dlpack(x), as_text=True))
    assert str(send_back(np.zeros(2, dtype), kind).dtype) == f"elsewhere.{dtype}"


@pytest.mark.parametrize("as_text", [True, False])
def test_a_library_that_narrows_a_result_is_named(monkeypatch, as_text):
    narrow = install(
        monkeypatch, lambda x: Theirs(np.from_dlpack(x).astype(np.float32), as_text=as_text)
    )
    assert send_back(np.zeros(2, np.float32), narrow) is not None
    with pytest.raises(TypeError, match="result is float64, but elsewhere made float32 of it"):
        send_back(np.zeros(2), narrow)


def test_for_jax_the_setting_that_narrows_is_named(monkeypatch):
    install(monkeypatch, lambda x: Theirs(np.from_dlpack(x).astype(np.float32)), "jax")
    with pytest.raises(TypeError, match=r"jax\.config\.update\('jax_enable_x64', True\)"):
        send_back(np.zeros(2), Kind("jax", on_gpu=False))


SMALL_FLOATS = ["bfloat16", "float8_e4m3fn"]


@pytest.mark.parametrize("name", SMALL_FLOATS)
def test_floats_that_numpy_does_not_have_are_refused_with_advice(name):
    x = np.ones(3, getattr(ml_dtypes, name))
    with pytest.raises(TypeError, match=rf"dtype {name}; convert it to float32 first, which holds"):
        bring_in(x, kind_of(x))


def test_other_dtypes_that_are_no_numbers_get_no_such_advice():
    for x in (np.zeros(2, "M8[s]"), np.zeros(2, complex), np.array(["float8_"])):
        with pytest.raises(TypeError, match=r"expected real numbers, got an array of dtype \S+$"):
            bring_in(x, NUMPY)


@pytest.mark.parametrize("name", SMALL_FLOATS)
def test_such_floats_of_another_library_are_refused_with_advice(name):
    class Array:
        dtype = f"torch.{name}"

        def __dlpack_device__(self):
            return HOST, 0

        def __dlpack__(self, **options):
            raise BufferError("Unsupported dtype in DLTensor")

    Array.__module__ = "elsewhere"
    with pytest.raises(TypeError, match=r"cannot be read: Unsupported dtype .*; convert it to flo"):
        bring_in(Array(), kind_of(Array()))
