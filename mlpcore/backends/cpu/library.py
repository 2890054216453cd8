"""The kernels of one instruction set and dtype, each unit loaded or compiled when it is needed."""

import threading

from mlpcore.backends.cpu.code_cache import CodeCache, default_cache
from mlpcore.backends.forks import renew_in_child
from mlpcore.kernels.cpu.codegen.instruction_set import InstructionSet
from mlpcore.kernels.cpu.units import Kernels, compile_unit, load_unit
from mlpcore.signals import deferred_signals

__all__ = ["Library", "library"]


class _Loading:
    """Lets one thread at a time load or compile, for all libraries.

    One lock for all of them, because it is taken before LLVM's: a signal handler that predicts
    while its own thread is inside LLVM must not wait for a thread that waits for LLVM.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()  # reentrant, for that signal handler
        renew_in_child(self)

    def _after_fork(self) -> None:
        self.lock = threading.RLock()


_loading = _Loading()


class Library:
    """Units of kernels in this process.

    Parameters
    ----------
    isa : InstructionSet
        What they are compiled for, an instruction set of this processor.
    dtype : str
        ``"float32"`` or ``"float64"``.
    cache : CodeCache
        Where their code is kept.
    """

    def __init__(self, isa: InstructionSet, dtype: str, cache: CodeCache) -> None:
        self.isa = isa
        self.dtype = dtype
        self._cache = cache
        self._loaded: dict[str, Kernels] = {}

    def kernels(self, unit: str) -> Kernels:
        """Return a unit, from memory, else from the disk, else compiled, and kept for next time.

        Of threads that ask at the same time one loads or compiles it, and the others wait.

        Raises
        ------
        KeyError
            If there is no such unit, or the process lacks a C function that it calls.
        RuntimeError
            If LLVM does not accept it.
        OSError
            If the system does not let this process run code that it writes.
        """
        found = self._loaded.get(unit)
        if found is not None:
            return found
        with deferred_signals(), _loading.lock:
            found = self._loaded.get(unit)
            if found is None:
                found = self._loaded[unit] = self._get(unit)
        return found

    def _get(self, unit: str) -> Kernels:
        compiled = self._cache.fetch(unit, self.isa, self.dtype)
        if compiled is None:
            compiled = compile_unit(unit, self.isa, self.dtype)
            self._cache.keep(unit, self.isa, self.dtype, compiled)
        return load_unit(compiled, self.isa, self.dtype)


_libraries: dict[tuple[InstructionSet, str], Library] = {}


def library(isa: InstructionSet, dtype: str) -> Library:
    """Return the library of this process for `isa` and `dtype`, with the default cache."""
    found = _libraries.get((isa, dtype))
    if found is None:
        # Of two threads that come here, both get the one that was first.
        found = _libraries.setdefault((isa, dtype), Library(isa, dtype, default_cache()))
    return found
