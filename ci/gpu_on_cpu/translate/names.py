"""What a name in PTX stands for in C++: identifiers, special registers, places in memory."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Special registers and the C++ expression of each.  Those that would need a clock, a real
#: multiprocessor or a record of divergence are absent, so reading them is refused.
SPECIAL_REGISTERS = {
    "%tid.x": "current->index.x",
    "%tid.y": "current->index.y",
    "%tid.z": "current->index.z",
    "%ntid.x": "launch.block.x",
    "%ntid.y": "launch.block.y",
    "%ntid.z": "launch.block.z",
    "%ctaid.x": "launch.block_index.x",
    "%ctaid.y": "launch.block_index.y",
    "%ctaid.z": "launch.block_index.z",
    "%nctaid.x": "launch.grid.x",
    "%nctaid.y": "launch.grid.y",
    "%nctaid.z": "launch.grid.z",
    "%laneid": "current->lane",
    "%warpid": "current->warp",
    "%nwarpid": "((launch.threads + 31) / 32)",
    "%dynamic_smem_size": "(u32)(launch.shared_size - launch.dynamic_offset)",
    "%total_smem_size": "(u32)launch.shared_size",
    "%lanemask_eq": "(1u << current->lane)",
    "%lanemask_lt": "((1u << current->lane) - 1)",
    "%lanemask_le": "((2u << current->lane) - 1)",
    "%lanemask_gt": "~((2u << current->lane) - 1)",
    "%lanemask_ge": "~((1u << current->lane) - 1)",
    "WARP_SZ": "32u",
}


def identifier(name: str) -> str:
    """Return a C++ identifier for a PTX name; different names give different identifiers."""
    return "v_" + re.sub(r"[^A-Za-z0-9]", lambda match: f"_{ord(match.group()):x}_", name)


def label(name: str) -> str:
    """Return the C++ label of a PTX label."""
    return "L" + identifier(name)[1:]


def function(name: str) -> str:
    """Return the C++ name of a PTX function."""
    return "f" + identifier(name)[1:]


@dataclass(frozen=True)
class Place:
    """A named piece of memory.

    `address` is a C++ expression of type u64: an offset in shared memory for the space
    ``shared``, and an address of the host for all others.
    """

    space: str
    address: str
