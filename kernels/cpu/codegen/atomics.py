"""Words that several threads read and write at once, and how a thread waits for one to change.

    word = Word(counters.ints(8 * i))
    before = word.add(1)
    wait_until(f, lambda: word.load().equals(0))

The orders are LLVM's: "monotonic" promises nothing of other memory, "acquire" that what was written
before the value was released is seen after it, "seq_cst" also one order of all such accesses (LLVM
Language Reference, "Memory Model for Concurrent Operations").
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from llvmlite import ir

from .values import I32, I64, Int, Truth

if TYPE_CHECKING:
    from collections.abc import Callable

    from .function import Function
    from .values import Address

PAUSES = 100
"""How often `wait_until` looks before it lets other threads run.

A pause takes 140 cycles on Intel's processors since 2016, some 40 to 60 on earlier ones and AMD's
(A. Fog, "Instruction tables"): 1 to 5 microseconds in all.
"""

_WORD_BYTES = 8


class Word:
    """A 64-bit word in memory, at a multiple of 8 bytes, whose accesses are atomic."""

    def __init__(self, place: Address) -> None:
        self._f = place.f
        self._place = place.ir

    def load(self, order: str = "acquire") -> Int:
        """Return what it holds."""
        loaded = self._f.builder.load_atomic(self._place, order, _WORD_BYTES, typ=I64)
        return Int(self._f, loaded)

    def store(self, value: Any, order: str = "release") -> None:
        """Let it hold `value`."""
        # llvmlite's own method asks the pointer what type it points to, which it no longer says.
        builder, number = self._f.builder, self._int(value).ir
        store = ir.instructions.StoreAtomicInstr(
            builder.block, number, self._place, order, _WORD_BYTES
        )
        builder._insert(store)

    def add(self, value: Any, order: str = "acq_rel") -> Int:
        """Add `value`; return what it held before."""
        return self._modify("add", value, order)

    def keep(self, bits: Any, order: str = "acq_rel") -> Int:
        """Clear all bits but `bits`; return what it held before."""
        return self._modify("and", bits, order)

    def replace(self, expected: Int, value: Int, order: str = "acq_rel") -> Truth:
        """Let it hold `value` if it held `expected`; return whether it did."""
        builder = self._f.builder
        result = builder.cmpxchg(self._place, expected.ir, value.ir, order, "monotonic")
        return Truth(self._f, builder.extract_value(result, 1))

    def _modify(self, operation: str, value: Any, order: str) -> Int:
        builder = self._f.builder
        before = builder.atomic_rmw(operation, self._place, self._int(value).ir, order)
        return Int(self._f, before)

    def _int(self, value: Any) -> Int:
        return value if isinstance(value, Int) else self._f.int(value)


def pause(f: Function) -> None:
    """Let a loop that waits use little of what it shares with the other thread of its core."""
    if f.isa.machine == "x86_64":
        f.builder.call(f._declared("llvm.x86.sse2.pause", _NOTHING), [])
    elif f.isa.machine == "aarch64":
        # The instruction meant for this, yield, does nothing on most processors.
        full_system = ir.Constant(I32, 15)
        f.builder.call(f._declared("llvm.aarch64.isb", _BARRIER), [full_system])


def yield_processor(f: Function) -> None:
    """Let another thread run, if one waits for the processor."""
    if os.name == "posix":
        f.call_external("sched_yield", result="int")


def wait_until(f: Function, condition: Callable[[], Truth]) -> None:
    """Look until `condition` holds: at first without pause for others, then between their turns.

    For waits that are short as a rule: it never sleeps.
    """
    looks = f.variable(f.int(0))
    with f.while_(lambda: ~condition()):
        pause(f)
        looks.value = looks.value + 1
        with f.when(looks.value > PAUSES):
            yield_processor(f)


_NOTHING = ir.FunctionType(ir.VoidType(), [])
_BARRIER = ir.FunctionType(ir.VoidType(), [I32])
