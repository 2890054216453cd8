"""How many threads of a kernel a multiprocessor holds at once, by what each needs."""

from __future__ import annotations

from .architectures import (
    ARCHITECTURES,
    REGISTERS,
    REGISTERS_AT_ONCE,
    WARP,
    WARPS_AT_ONCE,
    Capability,
)


def resident_blocks(capability: Capability, threads: int, registers: int, shared: int) -> int:
    """Return how many blocks are resident at once.

    Parameters
    ----------
    capability : tuple of int
        The compute capability.
    threads : int
        Threads of a block.
    registers : int
        Registers of a thread.
    shared : int
        Bytes of shared memory of a block, static and dynamic.
    """
    limits = ARCHITECTURES[capability]
    warps = -(-threads // WARP)
    of_warp = -(-registers * WARP // REGISTERS_AT_ONCE) * REGISTERS_AT_ONCE
    by_registers = REGISTERS // of_warp // WARPS_AT_ONCE * WARPS_AT_ONCE // warps
    by_shared = limits.shared // max(1, shared + limits.reserved)
    return min(limits.blocks, limits.warps // warps, by_registers, by_shared)


def occupancy(capability: Capability, threads: int, registers: int, shared: int) -> float:
    """Return the resident warps over the most that there can be, from 0 to 1.

    Parameters
    ----------
    capability, threads, registers, shared
        As for `resident_blocks`.
    """
    blocks = resident_blocks(capability, threads, registers, shared)
    return blocks * -(-threads // WARP) / ARCHITECTURES[capability].warps
