"""The least time that a GPU can take, from its data sheet: an estimate, nothing measured.

Sources: "NVIDIA A100 Tensor Core GPU" data sheet (80 GB SXM) and "NVIDIA H100 Tensor Core GPU" data
sheet (SXM), the rates without tensor cores.
"""

from __future__ import annotations

from dataclasses import dataclass

from .architectures import ARCHITECTURES, Capability

_SCHEDULERS = 4
_LANES_OF_WARP = 32


@dataclass(frozen=True)
class Sheet:
    """A data sheet.

    Attributes
    ----------
    name : str
        Of the GPU.
    capability : tuple of int
        Its compute capability.
    bandwidth : float
        Bytes a second between memory and chip.
    float32, float64 : float
        Operations a second; a multiply-add is two.
    """

    name: str
    capability: Capability
    bandwidth: float
    float32: float
    float64: float


SHEETS = (
    Sheet("A100 80 GB SXM", (8, 0), 2.039e12, 19.5e12, 9.7e12),
    Sheet("H100 SXM", (9, 0), 3.35e12, 67e12, 34e12),
)


def elements_a_second(sheet: Sheet, bytes_an_element: float) -> float:
    """Return what memory allows, if nothing else takes time."""
    return sheet.bandwidth / bytes_an_element


def issue_limit(capability: Capability, share: float) -> float:
    """Return the share of the float32 peak that a loop can reach by the instructions it has.

    Each of the four schedulers starts one instruction of a warp a cycle.  Where a multiply-add of a
    warp takes a scheduler's lanes for two cycles, another instruction is free between two of them.

    Parameters
    ----------
    capability : tuple of int
        The compute capability.
    share : float
        The multiply-adds among the loop's instructions, from 0 to 1.
    """
    lanes = ARCHITECTURES[capability].fma_lanes[0] / _SCHEDULERS
    return min(1.0, share * _LANES_OF_WARP / lanes)
