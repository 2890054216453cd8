"""Parts of CuPy that would give wrong results here, made to raise.

Some of CuPy's modules carry kernels compiled to machine code together with a CUDA runtime of their
own.  Their launches do not pass through the function tables, and not all of them look at the error
that a launch without a device gives: random numbers, for one, came out as whatever was in memory.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from types import ModuleType

_COMPILED = "its kernels are machine code inside CuPy and cannot run on a CPU"
_LIBRARY = "it calls a CUDA library that needs a driver"

_HOST = "draw on the host and copy"

#: Module, what it has, and why that is refused.  Of a class the construction is refused.
_REFUSED = {
    "cupy.random": {"default_rng": f"{_COMPILED}; {_HOST}"},
    "cupy.random._generator_api": {"Generator": f"{_COMPILED}; {_HOST}"},
    "cupy.random._bit_generator": dict.fromkeys(
        ("BitGenerator", "XORWOW", "MRG32k3a", "Philox4x3210"), f"{_COMPILED}; {_HOST}"
    ),
    "cupy.random._generator": {"RandomState": f"{_LIBRARY}; {_HOST}"},
    "cupy.cuda.thrust": dict.fromkeys(("sort", "lexsort", "argsort"), _COMPILED),
    "cupy.cuda.cub": dict.fromkeys(
        ("device_reduce", "device_segmented_reduce", "device_scan",
         "device_histogram", "cub_histogram", "cub_reduction", "cub_scan"),
        _COMPILED,
    ),
}  # fmt: skip


def refuse_what_would_be_wrong() -> None:
    """Arrange that the parts named above raise `NotImplementedError` once they are imported."""
    sys.meta_path.insert(0, _Finder())


def _refuse(module: ModuleType, name: str, reason: str) -> None:
    message = f"gpu_on_cpu does not emulate {module.__name__}.{name}: {reason}"

    def refusal(*arguments: object, **keywords: object) -> None:
        raise NotImplementedError(message)

    found = getattr(module, name)
    if isinstance(found, type):
        found.__init__ = refusal  # type: ignore[misc]
    else:
        setattr(module, name, refusal)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the named modules as everybody else does, and changes them once they are loaded."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in _REFUSED:
            return None
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None and spec.loader is not None:
                _run_after(spec.loader, lambda module: _refuse_all(module, fullname))
                return spec
        return None


def _refuse_all(module: ModuleType, fullname: str) -> None:
    for name, reason in _REFUSED[fullname].items():
        _refuse(module, name, reason)


def _run_after(loader: importlib.abc.Loader, then: Callable[[ModuleType], None]) -> None:
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        execute(module)
        then(module)

    loader.exec_module = exec_module  # type: ignore[method-assign]
