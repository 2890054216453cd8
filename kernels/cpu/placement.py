"""Keeping a worker off the processor of the thread it helps.

On a machine that other programs use too, the scheduler may wake a worker on the processor of the
thread that woke it, and leave both there in turns for many milliseconds, since to it two threads
here and one of another program there is balanced.  Then a team is no faster than one thread.  So a
worker that finds itself there has its affinity mask narrowed to the other processors, which moves
it at once, and set back to what it was.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .codegen.function import Function, Module
    from .codegen.values import Int

CAN_MOVE = sys.platform == "linux"
"""Whether this system says where a thread runs, and lets it move."""

_MASK_BYTES = 1024  # 8192 processors, the most that Linux can be built for


def processor(f: Function) -> Int:
    """Return the number of the processor that runs this; -1 if it cannot be known."""
    if not CAN_MOVE:
        return f.int(-1)
    # From a C int to 64 bits, with its sign.
    number: Int = (f.call_external("sched_getcpu", result="int") << 32) >> 32
    return number


def write_move_off(module: Module) -> None:
    """Write the kernel ``move_off(processor)``, which lets this thread go on on another one.

    Nothing happens where the thread may run on no other.
    """
    with module.function("move_off", "int", private=True) as (f, number):
        if CAN_MOVE:
            self, size = f.int(0), f.int(_MASK_BYTES)
            mask = f.buffer(_MASK_BYTES)
            failed = f.call_external("sched_getaffinity", self, size, mask, result="int")
            with f.when((failed & 0xFFFFFFFF).equals(0)):
                word, bit = number >> 6, f.int(1) << (number & 63)
                before = mask.int(word)
                mask.store(before - (before & bit), word)
                # Refused if no processor is left.
                f.call_external("sched_setaffinity", self, size, mask, result="int")
                mask.store(before, word)
                f.call_external("sched_setaffinity", self, size, mask, result="int")
