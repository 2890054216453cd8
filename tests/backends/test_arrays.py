"""Kinds of array are told apart without importing the library that makes them."""

import sys
import types

import array_api_strict
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


def test_plain_lists_and_numbers_go_with_any_kind():
    x = array_api_strict.zeros(2)
    assert common_kind(x=x, t=[0, 1], w=None, b=0.5) == kind_of(x)
    assert common_kind(t=[0, 1]) == NUMPY
    assert common_kind() == NUMPY


def test_two_kinds_are_refused_with_advice():
    with pytest.raises(TypeError, match=r"x is a numpy \(host\) .* t is a cupy \(CUDA device\)"):
        common_kind(x=np.zeros(2), t=foreign(CUDA, "cupy"))
    with pytest.raises(TypeError, match=r"cupy\.asnumpy\(x\) to the host"):
        common_kind(x=np.zeros(2), t=foreign(CUDA, "cupy"))
    with pytest.raises(TypeError, match=r"numpy\.from_dlpack"):
        common_kind(x=np.zeros(2), t=foreign(HOST))


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


def test_what_may_not_be_written_and_scalars_can_be_sent_back(monkeypatch):
    library = types.ModuleType("elsewhere")
    library.from_dlpack = lambda x: ("theirs", np.from_dlpack(x))
    monkeypatch.setitem(sys.modules, "elsewhere", library)
    kind = Kind("elsewhere", on_gpu=False)
    frozen = np.arange(3.0)
    frozen.flags.writeable = False
    for value in (frozen, np.arange(3.0), np.float32(2)):
        name, array = send_back(value, kind)
        assert name == "theirs"
        np.testing.assert_array_equal(array, value)
