"""The instruction sets that kernels are compiled for, and which of them this processor has.

A kernel is compiled for a level of the architecture rather than for one model of processor: the
object code depends on nothing else, can be made on another machine, and computes the same bits on
every level, because each instruction used is exact as IEEE 754 says.
"""

import functools
import os
import platform
from typing import NamedTuple

import llvmlite.binding as llvm

VARIABLE = "MLPCORE_INSTRUCTION_SET"
"""The environment variable that names an instruction set to use instead of the best one."""

OFF = "none"
"""The name that means no kernels: the reference runs, whatever the processor has."""


class InstructionSet(NamedTuple):
    """A level of a processor architecture and the shape of the register tiles that suit it.

    Attributes
    ----------
    name : str
        What the user calls it.
    machine : str
        The architecture as `platform.machine` names it.
    triple : str
        LLVM's name of the platform, or "" for the one that runs this.
    cpu, features : str
        LLVM's names of the level.
    requires : tuple of str
        LLVM's names of the features that a processor must have.
    vector_bytes : int
        The width of a vector register.
    tile_rows : int
        The rows of the largest register tile.
    tile_vectors : int
        Its width in vectors: of `registers`, rows times vectors accumulate, one each holds the
        vectors of the other factor, and one is left for the broadcast element.
    few_rows, few_vectors : int
        The largest tile for a few rows of a batch, with the outputs in the lanes.
    most_few_rows : int
        The rows of the highest such tile, as many vectors wide as leave no more sums.
    broadcasts : bool
        Whether an instruction can broadcast an element that it reads from memory.
    """

    name: str
    machine: str
    triple: str
    cpu: str
    features: str
    requires: tuple[str, ...]
    vector_bytes: int
    tile_rows: int
    tile_vectors: int = 2
    few_rows: int = 6
    few_vectors: int = 2
    most_few_rows: int = 8
    broadcasts: bool = False


_AVX512 = ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl")
_AVX2 = ("avx2", "fma", "bmi", "bmi2", "f16c", "lzcnt", "movbe")

AVX512 = InstructionSet(
    "avx512", "x86_64", "", "x86-64-v4", "", _AVX512 + _AVX2, 64, 14, few_vectors=4, broadcasts=True
)
AVX2 = InstructionSet("avx2", "x86_64", "", "x86-64-v3", "", _AVX2, 32, 6)
FMA = InstructionSet("fma", "x86_64", "", "x86-64-v2", "+avx,+fma", ("avx", "fma"), 16, 6)
NEON = InstructionSet("neon", "aarch64", "", "generic", "+neon", (), 16, 12, few_vectors=4)

INSTRUCTION_SETS = {isa.name: isa for isa in (AVX512, AVX2, FMA, NEON)}
"""All by name, the widest of each architecture first."""

_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


def host_machine() -> str:
    """Return the architecture that runs this, by one name on every system."""
    name = platform.machine().lower()
    return _MACHINES.get(name, name)


@functools.cache
def supported() -> tuple[InstructionSet, ...]:
    """Return the instruction sets that this processor has, the widest first; () without FMA."""
    machine = host_machine()
    try:
        features = llvm.get_host_cpu_features()
    except RuntimeError:  # LLVM cannot tell on this system
        features = {}
    return tuple(
        isa
        for isa in INSTRUCTION_SETS.values()
        if isa.machine == machine and all(features.get(name) for name in isa.requires)
    )


def switched_off() -> bool:
    """Return whether the environment asks for no kernels."""
    return os.environ.get(VARIABLE, "").strip().lower() == OFF


def instruction_set(name: str | None = None) -> InstructionSet | None:
    """Return the instruction set `name`, by default that of the environment, else the widest.

    Returns
    -------
    InstructionSet or None
        None where this processor has none of them, or `name` is `OFF`.

    Raises
    ------
    ValueError
        If `name` is unknown, or this processor does not have it.
    """
    name = os.environ.get(VARIABLE, "").strip() or None if name is None else name
    if name is not None and name.lower() == OFF:
        return None
    found = supported()
    if name is None:
        return found[0] if found else None
    for isa in found:
        if isa.name == name.lower():
            return isa
    have = ", ".join([isa.name for isa in found] + [OFF])
    known = name.lower() in INSTRUCTION_SETS
    problem = "this processor does not have" if known else "there is no"
    raise ValueError(f"{problem} instruction set {name!r}; {VARIABLE} may be one of: {have}")
