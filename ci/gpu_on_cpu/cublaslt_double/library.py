"""Building and loading the library that answers for libcublasLt."""

from __future__ import annotations

import atexit
import ctypes
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from ..compiler import build_plain
from ..errors import GpuOnCpuError

if TYPE_CHECKING:
    from ..cupy_double import Device

_WHERE = ("nvidia/*/lib", "nvidia/lib")


def load_cublaslt_double(device: Device) -> list[object]:
    """Put the double in place of every libcublasLt that is installed as a package.

    Where none is installed there is no double either, and programs find none.

    Returns
    -------
    list
        What must live as long as the process.

    Raises
    ------
    GpuOnCpuError
        If a real libcublasLt has been loaded into this process before.
    """
    loaded: list[object] = []
    for path in _installed():
        library = _load(path.name, path, device)
        if ctypes.CDLL(path.name)._handle != library._handle:
            raise GpuOnCpuError(f"a real {path.name} is loaded already; install the double earlier")
        device.cublaslt.use(path)
        loaded.append(library)
    return loaded


def _installed() -> list[Path]:
    """Return the first library of each name on Python's path."""
    found: dict[str, Path] = {}
    for folder in map(Path, sys.path):
        for pattern in _WHERE:
            for path in sorted(folder.glob(f"{pattern}/libcublasLt.so.*")):
                found.setdefault(path.name, path)
    return list(found.values())


def _load(soname: str, real: Path, device: Device) -> ctypes.PyDLL:
    text = (Path(__file__).parent / "library.cpp").read_text()
    include = sysconfig.get_paths()["include"]
    flags = (f"-I{include}", f"-Wl,-soname,{soname}")
    built = build_plain("libcublasLt", {"library.cpp": text}, flags)
    library = ctypes.PyDLL(str(built))
    library.set_device.argtypes = [ctypes.py_object, ctypes.c_char_p]
    library.set_device.restype = None
    library.set_device(device, str(real).encode())
    atexit.register(library.finish)
    return library
