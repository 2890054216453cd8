"""The compiled kernels, or the reason why the reference runs instead.

Without LLVM, without fused multiply-add in the processor, or where compiling fails, a network still
runs, only slower: that is a warning, said once, and no error.  Where the user switched the kernels
off with ``MLPCORE_INSTRUCTION_SET=none`` it is no warning either.
"""

import functools
import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpcore.lazy_imports import importing

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from mlpcore.backends.cpu.library import Library

__all__ = ["compiled", "why_not"]

_log = logging.getLogger("mlpcore")

_problems: dict[tuple[str, ...], str] = {}
"""Why kernels cannot be used, by what was asked for."""


def compiled(dtype: "DTypeLike", *units: str) -> "Library | None":
    """Return the library of kernels for `dtype`, with `units` loaded, or None without them.

    The first time that it is None the reason is logged, as a warning unless it is the user's wish;
    asked again for the same, it is None at once.

    Parameters
    ----------
    dtype : dtype
        float32 or float64.
    *units : str
        What has to be there; see `mlpcore.kernels.cpu.units`.

    Raises
    ------
    ValueError
        If ``MLPCORE_INSTRUCTION_SET`` names what this processor does not have.
    MemoryError
        If there is not enough memory to compile.
    """
    name = np.dtype(dtype).name
    asked = (name, *units)
    if asked in _problems:
        return None
    try:
        libraries, sets = _modules()
    except Exception as error:
        _give_up(asked, f"llvmlite cannot be imported: {_in_words(error)}")
        return None
    if sets.switched_off():
        _give_up(asked, f"{sets.VARIABLE} is {sets.OFF}", logging.INFO)
        return None
    isa = sets.instruction_set()
    if isa is None:
        _give_up(asked, "this processor has no fused multiply-add that is known here")
        return None
    try:
        found: Library = libraries.library(isa, name)
        for unit in units:
            found.kernels(unit)
    except MemoryError:
        raise
    except Exception as error:
        _give_up(asked, f"they cannot be compiled or loaded: {_in_words(error)}")
        return None
    return found


@functools.cache
def _modules() -> tuple[Any, Any]:
    """Return the modules of libraries and of instruction sets, which need LLVM."""
    with importing():
        from mlpcore.backends.cpu import library
        from mlpcore.kernels.cpu.codegen import instruction_set
    return library, instruction_set


def why_not() -> str | None:
    """Return why a call of `compiled` returned None, or None if none has."""
    return next(iter(_problems.values()), None)


def _give_up(asked: tuple[str, ...], reason: str, level: int = logging.WARNING) -> None:
    first = not _problems
    _problems[asked] = reason
    if first:
        _log.log(level, "computing with NumPy, because there are no compiled kernels: %s", reason)


def _in_words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
