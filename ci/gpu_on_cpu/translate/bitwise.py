"""Logic, shifts and everything that counts or moves bits."""

from __future__ import annotations

from ..ptx.types import BITS, INTEGERS, PREDICATE, TYPES
from .operation import Operation
from .registry import instruction

_LOGIC = {"and": "&", "or": "|", "xor": "^"}
_WORDS = frozenset({"b32", "b64"})
_COUNT = TYPES["u32"]


@instruction("and", "or", "xor", types=BITS)
def logic(op: Operation) -> str:
    """Bit by bit."""
    return op.write(0, f"{op.read(1)} {_LOGIC[op.opcode]} {op.read(2)}")


@instruction("and", "or", "xor", types=PREDICATE)
def predicate_logic(op: Operation) -> str:
    """Of predicates."""
    return op.write(0, f"(bool)({op.read(1)} {_LOGIC[op.opcode]} {op.read(2)})")


@instruction("not", types=BITS)
def invert(op: Operation) -> str:
    """One's complement."""
    return op.write(0, f"~{op.read(1)}")


@instruction("not", types=PREDICATE)
def invert_predicate(op: Operation) -> str:
    """Of a predicate."""
    return op.write(0, f"!{op.read(1)}")


@instruction("cnot", types=BITS)
def is_zero(op: Operation) -> str:
    """D = (a == 0)."""
    return op.write(0, f"{op.read(1)} == 0")


@instruction("shl", types=BITS)
def shift_left(op: Operation) -> str:
    """Left shift; the count is a u32 and counts past the width give zero."""
    return op.write(0, f"shift_left<{op.type.bits_type}>({op.read(1)}, {op.read(2, _COUNT)})")


@instruction("shr", types=BITS | INTEGERS)
def shift_right(op: Operation) -> str:
    """Right shift, arithmetic for signed types."""
    return op.write(0, f"shift_right<{op.type.value_type}>({op.read(1)}, {op.read(2, _COUNT)})")


@instruction("shf", types={"b32"}, flags={"l", "r", "clamp", "wrap"})
def funnel_shift(op: Operation) -> str:
    """Shift a pair of words and keep one of them."""
    count = op.read(3)
    count = f"clamp32({count})" if op.one_of(("clamp", "wrap")) == "clamp" else f"({count} & 31)"
    direction = "left" if op.one_of(("l", "r")) == "l" else "right"
    return op.write(0, f"funnel_{direction}({op.read(1)}, {op.read(2)}, {count})")


@instruction("lop3", types={"b32"})
def lookup(op: Operation) -> str:
    """Any function of three bits."""
    return op.write(0, f"lookup3({op.read(1)}, {op.read(2)}, {op.read(3)}, {op.read(4)})")


@instruction("prmt", types={"b32"})
def permute(op: Operation) -> str:
    """Pick bytes."""
    return op.write(0, f"permute_bytes({op.read(1)}, {op.read(2)}, {op.read(3)})")


@instruction("bfe", types=INTEGERS)
def extract(op: Operation) -> str:
    """Extract a bit field."""
    field = f"{op.read(1)}, {op.read(2, _COUNT)}, {op.read(3, _COUNT)}"
    return op.write(0, f"extract_field<{op.type.value_type}>({field})")


@instruction("bfi", types=_WORDS)
def insert(op: Operation) -> str:
    """Insert a bit field."""
    field = f"{op.read(1)}, {op.read(2)}, {op.read(3, _COUNT)}, {op.read(4, _COUNT)}"
    return op.write(0, f"insert_field<{op.type.bits_type}>({field})")


@instruction("popc", types=_WORDS)
def population_count(op: Operation) -> str:
    """How many bits are set."""
    return op.write(0, f"__builtin_popcountll({op.read(1)})", _COUNT)


@instruction("clz", types=_WORDS)
def leading_zeros(op: Operation) -> str:
    """How many zeros before the highest set bit."""
    return op.write(0, f"leading_zeros<{op.type.bits_type}>({op.read(1)})", _COUNT)


@instruction("brev", types=_WORDS)
def reverse(op: Operation) -> str:
    """Bits in reverse order."""
    return op.write(0, f"reverse_bits<{op.type.bits_type}>({op.read(1)})")


@instruction("bfind", types=INTEGERS)
def find_top_bit(op: Operation) -> str:
    """Position of the highest bit that is not a copy of the sign."""
    return op.write(0, f"find_top_bit<{op.type.value_type}>({op.read(1)})", _COUNT)
