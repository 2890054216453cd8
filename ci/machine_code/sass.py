"""Machine code as ``nvdisasm -c`` writes it: instructions, and the loops they are in."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LABEL = re.compile(r"^(\.L_x_\d+):")
_INSTRUCTION = re.compile(r"^\s+/\*([0-9a-f]+)\*/\s+(?:(@!?U?P\w+)\s+)?([A-Z][\w.]*)(.*?);?\s*$")
_TARGET = re.compile(r"`\((\.L_x_\d+)\)")
_WIDTH = re.compile(r"\.(?:U|S)?(8|16|32|64|128|256)(?=\.|$)")


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    Attributes
    ----------
    address : int
        Where it is, in bytes.
    name : str
        With its modifiers, as in ``LDG.E.128``.
    operands : str
        The rest of the line.
    """

    address: int
    name: str
    operands: str

    @property
    def operation(self) -> str:
        """The name without modifiers."""
        return self.name.split(".")[0]

    @property
    def bytes(self) -> int:
        """What a thread reads or writes by it; of an instruction for memory."""
        widths = _WIDTH.findall(self.name)
        return int(widths[-1]) // 8 if widths else 4


@dataclass(frozen=True)
class Loop:
    """The instructions from the target of a backward branch to the branch."""

    body: tuple[Instruction, ...]

    def of(self, *operations: str) -> list[Instruction]:
        """Return its instructions of these operations."""
        return [i for i in self.body if i.operation in operations]

    def share(self, *operations: str) -> float:
        """Return how many of its instructions are of these operations, from 0 to 1."""
        counted = [i for i in self.body if i.operation != "NOP"]
        return len(self.of(*operations)) / len(counted)


def read_sass(text: str) -> tuple[list[Instruction], dict[str, int]]:
    """Return the instructions in order, and the address of each label."""
    instructions: list[Instruction] = []
    labels: dict[str, int] = {}
    waiting: list[str] = []
    for line in text.splitlines():
        if label := _LABEL.match(line):
            waiting.append(label[1])
        elif found := _INSTRUCTION.match(line):
            address = int(found[1], 16)
            labels.update(dict.fromkeys(waiting, address))
            waiting.clear()
            instructions.append(Instruction(address, found[3], found[4].strip()))
    return instructions, labels


def innermost_loops(text: str) -> list[Loop]:
    """Return the loops that have no other in them, in the order of the code.

    The endless loop behind a kernel, a branch to itself, is none.
    """
    instructions, labels = read_sass(text)
    ranges = set()
    for i in instructions:
        goal = _TARGET.search(i.operands) if i.operation == "BRA" else None
        if goal and goal[1] in labels and labels[goal[1]] < i.address:
            ranges.add((labels[goal[1]], i.address))
    inner = [
        (start, end)
        for start, end in ranges
        if not any(start <= s and e <= end and (s, e) != (start, end) for s, e in ranges)
    ]
    return [
        Loop(tuple(i for i in instructions if start <= i.address <= end))
        for start, end in sorted(inner)
    ]
