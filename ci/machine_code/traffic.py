"""How often a kernel reads and writes each element, from the loads and stores of its loops.

A pass is a loop over elements.  What it reads and writes of each is stated in `table`, and here it
is compared with the machine code, in which a loop may be unrolled: a pass that writes stores each
element once, so its loads for each store are what it reads of an element.  A pass that only reads
shows how many loads it has and not for how many elements; it is taken to be unrolled as often as
divides evenly.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from .sass import Loop, innermost_loops


@dataclass(frozen=True)
class Pass:
    """One loop over the elements.

    Attributes
    ----------
    reads, writes : int
        How many numbers it reads and writes for each element.
    """

    reads: int
    writes: int


@dataclass(frozen=True)
class Traffic:
    """What a kernel reads and writes.

    Attributes
    ----------
    passes : tuple of Pass
        What it does.
    least : int
        The numbers that any implementation reads and writes for each element: every array once.
    wide : bool
        Whether it has a fast path of accesses 16 bytes wide, and only that counts.
    rare : tuple of Pass
        Loops over far less than the elements, or none of them, which count for nothing.
    """

    passes: tuple[Pass, ...]
    least: int
    wide: bool = False
    rare: tuple[Pass, ...] = ()

    @property
    def numbers(self) -> int:
        """The numbers that it reads and writes for each element."""
        return sum(p.reads + p.writes for p in self.passes)


@dataclass(frozen=True)
class Accesses:
    """What one loop does in memory.

    Attributes
    ----------
    reads, writes : int
        Bytes, of a thread in one round.
    widest : int
        Bytes of its widest access.
    """

    reads: int
    writes: int
    widest: int


def accesses(loop: Loop, least: int = 0) -> Accesses:
    """Return the accesses of a loop to global memory, those of at least so many bytes."""
    reads = [i.bytes for i in loop.of("LDG", "LD") if i.bytes >= least]
    writes = [i.bytes for i in loop.of("STG", "ST") if i.bytes >= least]
    return Accesses(sum(reads), sum(writes), max([0, *reads, *writes]))


def unlike(stated: Traffic, sass: str, itemsize: int) -> list[str]:
    """Return what distinguishes the machine code from the passes that are stated, if anything."""
    found = [accesses(loop, 16 if stated.wide else 0) for loop in innermost_loops(sass)]
    found = [a for a in found if a.reads or a.writes]
    differences = [
        f"a loop reads {a.reads} bytes and writes {a.writes} in a round, like no pass stated"
        for a in found
        if not any(_is(p, a, itemsize) for p in stated.passes + stated.rare)
    ]
    return differences + [
        f"no loop reads {p.reads} and writes {p.writes} numbers for each element"
        for p in stated.passes
        if not any(_is(p, a, itemsize) for a in found)
    ]


def widest_access(stated: Traffic, sass: str) -> int:
    """Return the bytes of the widest access in a loop."""
    least = 16 if stated.wide else 0
    return max((accesses(loop, least).widest for loop in innermost_loops(sass)), default=0)


def _is(stated: Pass, a: Accesses, itemsize: int) -> bool:
    if stated.writes:
        return a.writes > 0 and Fraction(a.reads, a.writes) == Fraction(stated.reads, stated.writes)
    return a.writes == 0 and a.reads % (stated.reads * itemsize) == 0
