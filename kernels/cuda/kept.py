"""Compiled kernels that outlive the process, where somebody keeps them.

The kernels only say what the code of each depends on; where it is kept, and whether what lies there
can be trusted, is for whoever calls `keep_with`.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, Protocol

from .fingerprint import FINGERPRINT, read_fingerprint

_HARMLESS = ("NUMBA_NUM_THREADS", "NUMBA_CACHE_DIR")
"""Variables of Numba that users set, and that change no code."""


class Keeper(Protocol):
    """Whoever keeps compiled code."""

    def fetch(self, what: str, key: str) -> bytes | None:
        """Return the code of the kernel `what` for the same key, or None."""

    def keep(self, what: str, key: str, code: bytes) -> None:
        """Keep it, if that is possible, and let go of what earlier versions left of `what`."""


_keeper: Keeper | None = None


def keep_with(keeper: Keeper | None) -> None:
    """Let `keeper` keep what is compiled from now on; None lets nobody."""
    global _keeper
    _keeper = keeper


def of_python(what: tuple[Any, ...], compiled: Callable[[], str]) -> str:
    """Return the PTX of a kernel written in Python, kept or made by `compiled`.

    Its key holds, besides `what`, the sources of all kernels, Python, whose bytecode is read, and
    everything that took part in compiling: numba-cuda, Numba, llvmlite, NVVM, Numba's settings.

    Parameters
    ----------
    what : tuple
        Strings, numbers and tuples of them that tell this kernel from others.
    compiled : callable
        Compiles it.
    """
    if _keeper is None or FINGERPRINT is None:
        return compiled()
    tools = python_tools()
    if tools is None:
        return compiled()
    key = repr((FINGERPRINT.hex(), tools, settings()))
    code = _keeper.fetch(repr(what), key)
    if code is not None:
        return code.decode()
    text = compiled()
    # Nobody knows of which sources the code was made, if they are not what they were.
    if read_fingerprint() == FINGERPRINT:
        _keeper.keep(repr(what), key, text.encode())
    return text


def of_cplusplus(what: tuple[Any, ...], text: str, compiled: Callable[[], bytes]) -> bytes:
    """Return what NVRTC made of a text in CUDA C++ that includes nothing, kept or made now.

    Parameters
    ----------
    what : tuple
        Strings, numbers and tuples of them: the kernel's name, its options, and for which device.
    text : str
        The source, which is in the key as a whole.
    compiled : callable
        Compiles it.
    """
    if _keeper is None:
        return compiled()
    import cupy

    key = repr((text, cupy.__version__, cupy.cuda.nvrtc.getVersion()))
    code = _keeper.fetch(repr(what), key)
    if code is None:
        code = compiled()
        _keeper.keep(repr(what), key, code)
    return code


@functools.cache
def python_tools() -> tuple[Any, ...] | None:
    """Return what compiles Python for a GPU, by versions, or None where that cannot be told.

    NVVM has no version that tells its releases apart, so its file does.
    """
    try:
        pathfinder = importlib.import_module("cuda.pathfinder")  # has no types
        nvvm = pathfinder.load_nvidia_dynamic_lib("nvvm").abs_path
        file = os.stat(nvvm)
        packages = tuple(version(name) for name in ("numba-cuda", "numba", "llvmlite"))
    except Exception:  # cuda-pathfinder has errors of its own, not all of one base
        return None
    return sys.version, packages, nvvm, file.st_size, file.st_mtime_ns


def settings() -> tuple[tuple[str, str], ...]:
    """Return the variables by which Numba's compiler is set."""
    found = ((k, v) for k, v in os.environ.items() if k.startswith("NUMBA_") and k not in _HARMLESS)
    return tuple(sorted(found))
