"""The shared library: where it is, and the functions that are called."""

from __future__ import annotations

import ctypes
import functools
import importlib
import os
import sys
from ctypes import POINTER, c_char_p, c_int, c_int64, c_size_t, c_uint64, c_void_p
from typing import Any

from .refused import Refused

_ARGUMENTS: dict[str, list[Any]] = {
    "cublasLtCreate": [POINTER(c_void_p)],
    "cublasLtMatmulDescCreate": [POINTER(c_void_p), c_int, c_int],
    "cublasLtMatmulDescDestroy": [c_void_p],
    "cublasLtMatmulDescSetAttribute": [c_void_p, c_int, c_void_p, c_size_t],
    "cublasLtMatrixLayoutCreate": [POINTER(c_void_p), c_int, c_uint64, c_uint64, c_int64],
    "cublasLtMatrixLayoutDestroy": [c_void_p],
    "cublasLtMatmulPreferenceCreate": [POINTER(c_void_p)],
    "cublasLtMatmulPreferenceDestroy": [c_void_p],
    "cublasLtMatmulPreferenceSetAttribute": [c_void_p, c_int, c_void_p, c_size_t],
    "cublasLtMatmulAlgoGetHeuristic": [*[c_void_p] * 7, c_int, c_void_p, POINTER(c_int)],
    "cublasLtMatmulAlgoCheck": [c_void_p] * 8,
    "cublasLtMatmul": [*[c_void_p] * 14, c_size_t, c_void_p],
}


class Library:
    """libcublasLt.

    Parameters
    ----------
    dll : ctypes.CDLL
        The library, loaded.

    Attributes
    ----------
    version : int
        Such as 120304 for 12.3.4.
    """

    def __init__(self, dll: ctypes.CDLL) -> None:
        self._functions = {}
        for name, arguments in _ARGUMENTS.items():
            function = getattr(dll, name)
            function.argtypes = arguments
            function.restype = c_int
            self._functions[name] = function
        self._status_name = dll.cublasLtGetStatusName
        self._status_name.argtypes = [c_int]
        self._status_name.restype = c_char_p
        dll.cublasLtGetVersion.restype = c_size_t
        self.version = int(dll.cublasLtGetVersion())

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function.

        Raises
        ------
        Refused
            If it returns another status than success.
        """
        status = self._functions[name](*arguments)
        if status:
            reason = self._status_name(status).decode()
            raise Refused(f"{name} of cuBLASLt {self.version} answered {reason}")


def library(cuda_major: int) -> Library:
    """Return cuBLASLt of a major version of CUDA.

    It is the one that is loaded already, as CuPy's products need it too; else the one that
    cuda-pathfinder finds, which knows where pip, conda and CUDA's installer put it; else whatever
    the system's loader finds.

    Parameters
    ----------
    cuda_major : int
        12 or 13: that of the CUDA that CuPy was built for.

    Raises
    ------
    Refused
        If it is nowhere.
    """
    found = _search(cuda_major)
    if isinstance(found, str):
        raise Refused(found)
    return found


@functools.cache
def _search(cuda_major: int) -> Library | str:
    """Return the library, or why there is none: the search is long, and is made once."""
    name = _file_name(cuda_major)
    tried = []
    for load in (_loaded_already, _by_pathfinder, ctypes.CDLL):
        try:
            return Library(load(name))
        except Exception as problem:  # cuda-pathfinder has errors of its own, not all of one base
            tried.append(str(problem))
    return f"cuBLASLt ({name}) was not found: " + "; ".join(dict.fromkeys(tried))


def _file_name(cuda_major: int) -> str:
    if sys.platform == "win32":
        return f"cublasLt64_{cuda_major}.dll"
    return f"libcublasLt.so.{cuda_major}"


def _loaded_already(name: str) -> ctypes.CDLL:
    """Return the library if this process has it; Windows' loader looks there first anyway."""
    if sys.platform == "win32":
        return ctypes.CDLL(name)
    return ctypes.CDLL(name, mode=os.RTLD_NOLOAD | os.RTLD_NOW)


def _by_pathfinder(name: str) -> ctypes.CDLL:
    """Return the library from where a package put it."""
    pathfinder = importlib.import_module("cuda.pathfinder")  # comes with CuPy, and has no types
    path = pathfinder.load_nvidia_dynamic_lib("cublasLt").abs_path
    if path is None or name not in path:
        raise OSError(f"cuda-pathfinder found {path} instead")
    return ctypes.CDLL(path)
