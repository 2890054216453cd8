"""From PTX to machine code, and what the assembler says of it."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .architectures import Capability, target
from .tools import ToolError, run


@dataclass(frozen=True)
class Assembled:
    """A kernel in machine code.

    Attributes
    ----------
    registers : int
        Of a thread.
    shared : int
        Bytes of static shared memory of a block.
    spilled : int
        Bytes that are written to and read from memory for want of registers.
    stack : int
        Bytes of local memory of a thread.
    sass : str
        The machine code in words, or "" if nobody asked for it.
    """

    registers: int
    shared: int
    spilled: int
    stack: int
    sass: str = ""


def assemble(ptx: str, capability: Capability, disassembled: bool = False) -> Assembled:
    """Return the machine code of a module with one kernel.

    Raises
    ------
    ToolError
        If the assembler refuses the module, or it has other than one kernel.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "kernel.ptx").write_text(ptx)
        options = ("-v", "--gpu-name", target(capability), "kernel.ptx", "-o", "kernel.cubin")
        _, said = run("ptxas", *options, folder=folder)
        sass = run("nvdisasm", "-c", "kernel.cubin", folder=folder)[0] if disassembled else ""
    return read_report(said, sass)


def read_report(said: str, sass: str = "") -> Assembled:
    """Return what ``ptxas -v`` said, as numbers.

    Raises
    ------
    ToolError
        If it speaks of other than one kernel.
    """
    registers = re.findall(r"Used (\d+) registers", said)
    if len(registers) != 1:
        raise ToolError(f"expected a report on one kernel:\n{said}")
    shared = sum(map(int, re.findall(r"(\d+) bytes smem", said)))
    spilled = sum(map(int, re.findall(r"(\d+) bytes spill", said)))
    stack = sum(map(int, re.findall(r"(\d+) bytes stack frame", said)))
    return Assembled(int(registers[0]), shared, spilled, stack, sass)
