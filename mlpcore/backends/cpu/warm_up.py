"""Compiling all kernels before the first prediction needs them."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from mlpcore.backends.cpu.code_cache import CodeCache
from mlpcore.backends.cpu.compiled import compiled
from mlpcore.kernels.cpu.codegen.instruction_set import InstructionSet
from mlpcore.kernels.cpu.units import compile_unit, names

__all__ = ["Kept", "compile_ahead", "load_all"]


@dataclass(frozen=True)
class Kept:
    """A compiled unit on disk.

    Attributes
    ----------
    unit, instruction_set, dtype : str
        What was compiled, and what for.
    seconds : float
        How long it took; 0 if it was there already.
    num_bytes : int
        The size of the machine code with its tables.
    path : str
        The file.
    """

    unit: str
    instruction_set: str
    dtype: str
    seconds: float
    num_bytes: int
    path: str


def load_all(dtype: DTypeLike) -> bool:
    """Load all kernels for `dtype` into this process, and compile and keep those that are missing.

    Returns
    -------
    bool
        Whether there are kernels; if not, the reason has been logged.

    Raises
    ------
    ValueError
        If ``MLPCORE_INSTRUCTION_SET`` names none that this processor has.
    """
    return compiled(dtype, *names()) is not None


def compile_ahead(
    isas: Sequence[InstructionSet], dtypes: Sequence[DTypeLike], cache: CodeCache
) -> Iterator[Kept]:
    """Compile all kernels into `cache` where they are missing, without loading them.

    Parameters
    ----------
    isas : sequence of InstructionSet
        What to compile for, also instruction sets and architectures that this machine lacks.
    dtypes : sequence of dtype
        float32, float64 or both.
    cache : CodeCache
        Where the code is kept.

    Yields
    ------
    Kept
        For each unit, as soon as it is on disk.

    Raises
    ------
    OSError
        If the folder cannot be written or read, or belongs to another user.
    RuntimeError
        If LLVM does not accept a unit.
    """
    for isa in isas:
        for dtype in (np.dtype(given).name for given in dtypes):
            for unit in names():
                yield _kept(unit, isa, dtype, cache)


def _kept(unit: str, isa: InstructionSet, dtype: str, cache: CodeCache) -> Kept:
    start = time.perf_counter()
    code = cache.fetch(unit, isa, dtype)
    seconds = 0.0
    if code is None:
        code = compile_unit(unit, isa, dtype)
        cache.write(unit, isa, dtype, code)
        seconds = time.perf_counter() - start
    path = cache.path(unit, isa, dtype)
    assert path is not None
    return Kept(unit, isa.name, dtype, seconds, len(code.code), path)
