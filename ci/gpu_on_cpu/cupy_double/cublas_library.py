"""A stand-in for libcublas.so.13, so that CuPy's cuBLAS module can be imported.

The module is linked against the library.  Its functions are never called, since the function table
is swapped, and the real library is large; so one is made of empty functions with the names and the
version that the module asks for.  They answer CUBLAS_STATUS_NOT_INITIALIZED.
"""

from __future__ import annotations

import ctypes
import importlib.util
import re
from pathlib import Path

from ..compiler import build_plain
from ..errors import GpuOnCpuError

_NAME = re.compile(rb"cublas[A-Z]\w+(?=\0)")
_NEEDED = re.compile(rb"\0(libcublas\.so\.\d+)\0")
_NOT_INITIALIZED = 1


def load_cublas_stub() -> ctypes.CDLL:
    """Build the stand-in if need be and load it."""
    contents = _extension().read_bytes()
    needed = _NEEDED.search(contents)
    if needed is None:
        raise GpuOnCpuError("CuPy's cuBLAS module does not name the library that it is linked to")
    soname = needed.group(1).decode()
    # The string table ends each name with a zero, and may store one as the tail of another.
    names = sorted({match.decode() for match in _NAME.findall(contents)})
    code = "".join(f'extern "C" int {name}() {{ return {_NOT_INITIALIZED}; }}\n' for name in names)
    library = build_plain(
        "libcublas",
        {"cublas.cpp": code, "version.map": f"{soname} {{ global: *; }};\n"},
        (f"-Wl,-soname,{soname}", "-Wl,--version-script={folder}/version.map"),
    )
    return ctypes.CDLL(str(library), ctypes.RTLD_GLOBAL)


def _extension() -> Path:
    spec = importlib.util.find_spec("cupy_backends")
    if spec is None or not spec.submodule_search_locations:
        raise GpuOnCpuError("CuPy is not installed")
    folder = Path(next(iter(spec.submodule_search_locations))) / "cuda" / "libs"
    found = sorted(folder.glob("cublas.*.so"))
    if not found:
        raise GpuOnCpuError(f"no cuBLAS module in {folder}")
    return found[0]
