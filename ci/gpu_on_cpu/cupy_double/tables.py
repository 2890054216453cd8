"""Swapping the function tables of CuPy's compiled modules."""

from __future__ import annotations

import atexit
import ctypes
import importlib
import sysconfig
from types import ModuleType
from typing import TYPE_CHECKING

from ..compiler import build_plain
from .trampolines import Signature, source, trampoline

if TYPE_CHECKING:
    from .device import Device

#: A module binds the tables of those before it when it is imported, so the order matters.
_MODULES = {
    "runtime": "cupy_backends.cuda.api.runtime",
    "driver": "cupy_backends.cuda.api.driver",
    "cublas": "cupy_backends.cuda.libs.cublas",
}
#: Functions that only look at numbers and need no device.
_KEPT = {"check_status", "_getCUDAMajorVersion", "get_build_version"}

_get_name = ctypes.pythonapi.PyCapsule_GetName
_get_name.restype = ctypes.c_char_p
_get_name.argtypes = [ctypes.py_object]
_new_capsule = ctypes.pythonapi.PyCapsule_New
_new_capsule.restype = ctypes.py_object
_new_capsule.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]


def swap_tables(device: Device) -> list[object]:
    """Make CuPy's modules call `device`.

    Returns what must live as long as they do.
    """
    kept_alive: list[object] = []
    for short, path in _MODULES.items():
        module = importlib.import_module(path)
        kept_alive += _swap_module(short, module, device)
    return kept_alive


def _swap_module(short: str, module: ModuleType, device: Device) -> list[object]:
    table: dict[str, object] = module.__pyx_capi__
    written: dict[str, str] = {}
    for name, capsule in sorted(table.items()):
        signature = Signature.parse(_get_name(capsule).decode())
        if signature is None or name in _KEPT:
            continue
        code = trampoline(f"{short}.{name}", name.lstrip("_") + "_", signature)
        if code is not None:
            written[name] = code
    library = _load(source(list(written.values())), device)
    kept_alive: list[object] = [library]
    for name in written:
        address = getattr(library, f"address_{name.lstrip('_')}_")
        address.restype = ctypes.c_void_p
        spelled = ctypes.create_string_buffer(_get_name(table[name]))
        kept_alive += [spelled, table[name]]
        table[name] = _new_capsule(address(), ctypes.addressof(spelled), None)
        if hasattr(module, name):
            setattr(module, name, _python_function(f"{short}.{name}", device))
    return kept_alive


def _load(text: str, device: Device) -> ctypes.PyDLL:
    include = sysconfig.get_paths()["include"]
    path = build_plain("trampolines", {"trampolines.cpp": text}, (f"-I{include}",))
    library = ctypes.PyDLL(str(path))
    library.set_device.argtypes = [ctypes.py_object]
    library.set_device.restype = None
    library.set_device(device)
    atexit.register(library.finish)
    return library


def _python_function(name: str, device: Device) -> object:
    def function(*arguments: object) -> object:
        return device.call(name, *arguments)

    function.__name__ = name.rpartition(".")[2]
    return function
