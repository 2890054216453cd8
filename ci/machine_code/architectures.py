"""What a multiprocessor has room for.

Source: CUDA C++ Programming Guide, "Compute Capabilities", table "Technical Specifications per
Compute Capability".  How registers are handed out is from the CUDA Occupancy Calculator.  What is
multiplied and added in a cycle: the same guide, "Arithmetic Instructions", table "Throughput of
Native Arithmetic Instructions", which has moved to the CUDA C++ Best Practices Guide since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

Capability: TypeAlias = tuple[int, int]

WARP = 32
REGISTERS = 64 * 1024
"""32-bit registers of a multiprocessor and of a block."""

REGISTERS_OF_THREAD = 255

REGISTERS_AT_ONCE = 256
"""A warp gets registers in such portions."""

WARPS_AT_ONCE = 4
"""As many schedulers share the registers, so that only multiples of it can use all."""


@dataclass(frozen=True)
class Architecture:
    """The limits of one compute capability.

    Attributes
    ----------
    warps, blocks : int
        The most that are resident on a multiprocessor.
    shared : int
        Bytes of shared memory of a multiprocessor.
    reserved : int
        Bytes of it that CUDA takes for itself in each block.
    fma_lanes : tuple of int
        Multiply-adds of a multiprocessor in a clock cycle, in float32 and in float64.
    """

    warps: int
    blocks: int
    shared: int
    reserved: int
    fma_lanes: tuple[int, int]

    @property
    def shared_of_block(self) -> int:
        """The most shared memory that a block can ask for, in bytes."""
        return self.shared - self.reserved


ARCHITECTURES: Mapping[Capability, Architecture] = {
    (7, 5): Architecture(32, 16, 64 * 1024, 0, (64, 2)),
    (8, 0): Architecture(64, 32, 164 * 1024, 1024, (64, 32)),
    (9, 0): Architecture(64, 32, 228 * 1024, 1024, (128, 64)),
    (10, 0): Architecture(64, 32, 228 * 1024, 1024, (128, 64)),
    (12, 0): Architecture(48, 24, 100 * 1024, 1024, (128, 2)),
}
"""Each architecture that the kernels are compiled for, by its compute capability."""


def target(capability: Capability) -> str:
    """Return the name by which the assembler knows a compute capability, as in ``sm_90``."""
    return f"sm_{capability[0]}{capability[1]}"
