"""What machine code must be: the reasons why it is not."""

from __future__ import annotations

from .architectures import ARCHITECTURES, Capability
from .measure import Measured
from .products import main_loop
from .program import LEAST_OCCUPANCY
from .traffic import unlike

LEAST_SHARE = 0.7
"""Of multiply-adds in float32 among the instructions of a product's main loop."""

_WIDE = 16
"""Bytes of the loads that feed a product."""


def least_share(itemsize: int, capability: Capability) -> float:
    """Return the share of multiply-adds that the main loop of a product needs.

    In float64 as much less as a multiprocessor has fewer lanes for it.  Where it has half as many
    (8.0, 9.0, 10.0), half the share keeps them as busy; where it has next to none (7.5, 12.0), they
    are what a product waits for, whatever else is in the loop.

    Parameters
    ----------
    itemsize : int
        Bytes of a number.
    capability : tuple of int
        The compute capability.
    """
    lanes = ARCHITECTURES[capability].fma_lanes
    return LEAST_SHARE * lanes[itemsize // 8] / lanes[0]


def objections(measured: Measured) -> list[str]:
    """Return what is wrong with a kernel; nothing if it is as it should be."""
    code, it = measured.assembled, measured.program
    said = []
    if code.spilled:
        said.append(f"spills {code.spilled} bytes of registers")
    if code.registers > it.registers:
        said.append(f"takes {code.registers} registers, more than {it.registers}")
    if measured.shared > it.ceilings.shared:
        said.append(f"takes {measured.shared} bytes of shared memory of {it.ceilings.shared}")
    if not it.reason and measured.occupancy < LEAST_OCCUPANCY:
        said.append(f"has an occupancy of {measured.occupancy:.0%}")
    if measured.occupancy == 0:
        said.append("does not fit into a multiprocessor")
    if code.sass and it.traffic is not None:
        said += unlike(it.traffic, code.sass, it.dtype.itemsize)
    if code.sass and it.is_product:
        said += _of_product(measured)
    return said


def _of_product(measured: Measured) -> list[str]:
    it = measured.program
    loop = main_loop(measured.assembled.sass, it.dtype.itemsize)
    said = []
    least = least_share(it.dtype.itemsize, measured.capability)
    if loop.share < least:
        said.append(f"has {loop.share:.1%} multiply-adds in its main loop, less than {least:.1%}")
    if not loop.shared_loads or min(loop.shared_loads) < _WIDE:
        said.append(f"loads {loop.shared_loads} bytes from shared memory in its main loop")
    if "unaligned" not in it.name and _WIDE not in loop.global_loads:
        said.append(f"has no load of {_WIDE} bytes from global memory")
    return said
