"""Compiling many kernels for many architectures, on several processors."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from .architectures import Capability
from .assembly import Assembled, assemble
from .occupancy import occupancy
from .program import Program
from .table import program, program_names


@dataclass(frozen=True)
class Measured:
    """A program in machine code.

    Attributes
    ----------
    name, dtype : str
        Which; see `table.program`.
    capability : tuple of int
        What it was compiled for.
    assembled : Assembled
        What the assembler made of it.
    shared : int
        Bytes of shared memory of a block, static and dynamic.
    """

    name: str
    dtype: str
    capability: Capability
    assembled: Assembled
    shared: int

    @property
    def program(self) -> Program:
        """What was compiled."""
        return program(self.name, self.dtype)

    @property
    def occupancy(self) -> float:
        """Resident warps over the most there can be, from 0 to 1."""
        threads, registers = self.program.threads, self.assembled.registers
        return occupancy(self.capability, threads, registers, self.shared)


def measure(name: str, dtype: str, capability: Capability, disassembled: bool) -> Measured:
    """Compile one program for one architecture."""
    it = program(name, dtype)
    assembled = assemble(it.ptx(capability), capability, disassembled)
    shared = assembled.shared + it.dynamic_shared(capability)
    return Measured(name, dtype, capability, assembled, shared)


def measure_all(
    everything: bool,
    capabilities: Iterable[Capability],
    disassembled: Iterable[Capability],
    jobs: int,
) -> list[Measured]:
    """Compile all programs for all architectures.

    Parameters
    ----------
    everything : bool
        Whether in all variants.
    capabilities : iterable
        The architectures.
    disassembled : iterable
        Those of which the machine code is wanted in words too.
    jobs : int
        How many processes.
    """
    wanted = set(disassembled)
    work = [
        (name, dtype, capability, capability in wanted and _is_read(name, dtype))
        for name, dtype in program_names(everything)
        for capability in capabilities
    ]
    # Fresh processes: a fork would take along what the compilers of this one hold.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        return list(pool.map(measure, *zip(*work, strict=True), chunksize=4))


def _is_read(name: str, dtype: str) -> bool:
    it = program(name, dtype)
    return it.traffic is not None or it.is_product
