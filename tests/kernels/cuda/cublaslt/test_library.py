"""Finding the library, and what happens where it is not; no GPU is needed."""

import ctypes
import sys
import types

import pytest

from mlpcore.kernels.cuda.cublaslt import Refused
from mlpcore.kernels.cuda.cublaslt import library as module
from mlpcore.kernels.cuda.cublaslt.epilogue import Epilogue
from mlpcore.kernels.cuda.cublaslt.library import Library, library
from mlpcore.kernels.cuda.cublaslt.problem import Alignments, Problem, Product

ALIGNED = Alignments(16, 16, 16, 16, 16)


class FakeDLL:
    """A library whose functions all return a status."""

    def __init__(self, status: int = 0, version: int = 130000, without: str = "") -> None:
        self.calls = []
        for name in [*module._ARGUMENTS, "cublasLtGetStatusName", "cublasLtGetVersion"]:
            if name != without:
                setattr(self, name, self._function(name, status, version))

    def _function(self, name, status, version):
        def function(*arguments):
            self.calls.append(name)
            if name == "cublasLtGetVersion":
                return version
            return b"CUBLAS_STATUS_TEST" if name == "cublasLtGetStatusName" else status

        return function


@pytest.fixture(autouse=True)
def _search_again():
    module._search.cache_clear()
    yield
    module._search.cache_clear()


@pytest.fixture
def loader(monkeypatch):
    """Loads nothing but what is put into the dictionary that this gives."""
    there: dict[str, object] = {}

    def load(name, mode=0):
        if name in there:
            return there[name]
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(module.ctypes, "CDLL", load)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setitem(sys.modules, "cuda.pathfinder", None)
    return there


def test_nowhere(loader):
    with pytest.raises(Refused, match=r"libcublasLt\.so\.13\) was not found.*cannot open"):
        library(13)


def test_the_search_is_made_once(loader):
    with pytest.raises(Refused):
        library(13)
    loader["libcublasLt.so.13"] = FakeDLL()
    with pytest.raises(Refused):
        library(13)


def test_where_the_loader_finds_it(loader):
    loader["libcublasLt.so.12"] = FakeDLL(version=120901)
    assert library(12).version == 120901
    with pytest.raises(Refused):
        library(13)


def pathfinder(path):
    found = types.SimpleNamespace(abs_path=path)
    return types.SimpleNamespace(load_nvidia_dynamic_lib=lambda name: found)


def test_where_a_package_put_it(loader, monkeypatch):
    path = "/env/lib/python/site-packages/nvidia/cu13/lib/libcublasLt.so.13"
    monkeypatch.setitem(sys.modules, "cuda.pathfinder", pathfinder(path))
    loader[path] = FakeDLL()
    assert library(13).version == 130000


def test_one_of_another_major_version_is_left_alone(loader, monkeypatch):
    path = "/somewhere/libcublasLt.so.12"
    monkeypatch.setitem(sys.modules, "cuda.pathfinder", pathfinder(path))
    loader[path] = FakeDLL()
    with pytest.raises(Refused, match=r"pathfinder found /somewhere/libcublasLt\.so\.12 instead"):
        library(13)


def test_its_name_on_windows(loader, monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    loader["cublasLt64_13.dll"] = FakeDLL()
    assert library(13).version == 130000


def test_a_library_that_lacks_a_function(loader):
    loader["libcublasLt.so.13"] = FakeDLL(without="cublasLtMatmulAlgoCheck")
    with pytest.raises(Refused, match="cublasLtMatmulAlgoCheck"):
        library(13)


def test_a_status_other_than_success_is_named():
    lt = Library(FakeDLL(status=15))
    with pytest.raises(Refused, match=r"cublasLtCreate of cuBLASLt 130000 .*CUBLAS_STATUS_TEST"):
        lt.call("cublasLtCreate", ctypes.byref(ctypes.c_void_p()))


def problem(product, epilogue, inputs=5, outputs=4):
    return Problem(product, epilogue, False, False, inputs, outputs, 0, ALIGNED)


def test_what_the_library_is_known_not_to_do():
    through = problem(Product.INPUT_GRADIENT, Epilogue.DRELU, outputs=1)
    assert "sum over" in through.obstacle(8, 130000)
    sums = problem(Product.WEIGHT_GRADIENT, Epilogue.BGRADB)
    assert "12.3.4" in sums.obstacle(1, 120303)
    assert sums.obstacle(1, 120304) is None
    assert sums.obstacle(2, 120303) is None
    huge = problem(Product.AFFINE, Epilogue.BIAS)
    assert "2**31" in huge.obstacle(2**31, 130000)
    assert huge.obstacle(2**31 - 1, 130000) is None


def test_a_batch_is_the_columns_of_the_result_or_what_is_summed_over():
    assert problem(Product.AFFINE, Epilogue.NONE).extents(9) == (4, 9, 5)
    assert problem(Product.INPUT_GRADIENT, Epilogue.NONE).extents(9) == (5, 9, 4)
    assert problem(Product.WEIGHT_GRADIENT, Epilogue.NONE).extents(9) == (5, 4, 9)


@pytest.mark.parametrize("product", Product)
def test_matrices_are_stored_as_the_arrays_are(product):
    arrays = {"x": (9, 5), "W": (4, 5), "out": (9, 4), "dz": (9, 4), "dx": (9, 5), "dW": (4, 5)}
    names = {
        Product.AFFINE: ("W", "x", "out"),
        Product.INPUT_GRADIENT: ("W", "dz", "dx"),
        Product.WEIGHT_GRADIENT: ("x", "dz", "dW"),
    }[product]
    stored = problem(product, Epilogue.NONE).shapes(9)
    assert stored == tuple(arrays[name][::-1] for name in names)
