"""Integer arithmetic, with and without the carry flag."""

from __future__ import annotations

from ..ptx.types import INTEGERS, TYPES, PTXType
from .operation import Operation
from .registry import instruction

_WORDS = frozenset({"u32", "s32", "u64", "s64"})
_PRODUCT = {"lo", "hi", "wide"}


def raw(op: Operation, operand: int, kind: PTXType | None = None) -> str:
    """Read an operand as unsigned, of at least 32 bits, so that overflow wraps."""
    kind = kind or op.type
    return f"(u{max(kind.bits, 32)}){op.read(operand, kind)}"


@instruction("add", "sub", types=INTEGERS)
def add(op: Operation) -> str:
    """Wrapping addition and subtraction."""
    sign = "+" if op.opcode == "add" else "-"
    return op.write(0, f"{raw(op, 1)} {sign} {raw(op, 2)}")


@instruction("mul", types=INTEGERS, flags=_PRODUCT)
def multiply(op: Operation) -> str:
    """The low half, the high half, or the whole of a product."""
    product, kind = _product(op)
    return op.write(0, product, kind)


@instruction("mad", types=INTEGERS, flags=_PRODUCT)
def multiply_add(op: Operation) -> str:
    """D = a * b + c, of the part of the product that .lo, .hi or .wide names."""
    product, kind = _product(op)
    return op.write(0, f"(u{max(kind.bits, 32)})({product}) + {raw(op, 3, kind)}", kind)


def _product(op: Operation) -> tuple[str, PTXType]:
    part = op.one_of(_PRODUCT)
    if part == "lo":
        return f"{raw(op, 1)} * {raw(op, 2)}", op.type
    if part == "hi":
        return f"multiply_high<{op.type.value_type}>({op.read(1)}, {op.read(2)})", op.type
    if op.type.bits > 32:
        op.refuse("the product is wider than a register")
    wide = TYPES[f"{op.type.kind}{2 * op.type.bits}"]
    return f"({wide.value_type}){op.read(1)} * ({wide.value_type}){op.read(2)}", wide


@instruction("mul24", types={"u32", "s32"}, flags={"lo"})
def multiply24(op: Operation) -> str:
    """The low 32 bits of the product of two 24-bit integers."""
    kind = op.type.value_type
    return op.write(0, f"(u32)low24<{kind}>({op.read(1)}) * (u32)low24<{kind}>({op.read(2)})")


@instruction("mad24", types={"u32", "s32"}, flags={"lo"})
def multiply_add24(op: Operation) -> str:
    """`multiply24` and an addition."""
    kind = op.type.value_type
    product = f"(u32)low24<{kind}>({op.read(1)}) * (u32)low24<{kind}>({op.read(2)})"
    return op.write(0, f"{product} + {raw(op, 3)}")


@instruction("div", "rem", types=INTEGERS)
def divide(op: Operation) -> str:
    """Truncating division; PTX leaves division by zero open, so it is a fault here."""
    name = "divide" if op.opcode == "div" else "remainder"
    check = f'if ({op.read(2)} == 0) fault({op.line}, "integer division by zero");'
    return f"{check} {op.write(0, f'{name}<{op.type.value_type}>({op.read(1)}, {op.read(2)})')}"


@instruction("min", "max", types=INTEGERS)
def extreme(op: Operation) -> str:
    """The lesser or the greater."""
    name = "lesser" if op.opcode == "min" else "greater"
    return op.write(0, f"{name}<{op.type.value_type}>({op.read(1)}, {op.read(2)})")


@instruction("neg", types=INTEGERS)
def negate(op: Operation) -> str:
    """Two's complement negation."""
    return op.write(0, f"0 - {raw(op, 1)}")


@instruction("abs", types=INTEGERS)
def absolute(op: Operation) -> str:
    """Magnitude; the most negative number is its own."""
    return op.write(0, f"({op.read(1)} < 0 ? 0 - {raw(op, 1)} : {raw(op, 1)})")


@instruction("sad", types=INTEGERS)
def absolute_difference(op: Operation) -> str:
    """D = c + |a - b|."""
    a, b = op.read(1), op.read(2)
    difference = f"({a} < {b} ? {raw(op, 2)} - {raw(op, 1)} : {raw(op, 1)} - {raw(op, 2)})"
    return op.write(0, f"{raw(op, 3)} + {difference}")


@instruction("add", "addc", "sub", "subc", types=_WORDS, flags={"cc"})
def add_with_carry(op: Operation) -> str:
    """Addition and subtraction that read (addc) or write (.cc) the carry flag."""
    function = "add_carry" if op.opcode.startswith("add") else "subtract_borrow"
    return _through_carry(op, function, raw(op, 1), raw(op, 2), op.type)


@instruction("mad", "madc", types=_WORDS, flags={"cc", "lo", "hi"})
def multiply_add_with_carry(op: Operation) -> str:
    """D = part(a * b) + c + carry."""
    product, kind = _product(op)
    return _through_carry(op, "add_carry", product, raw(op, 3), kind)


def _through_carry(op: Operation, function: str, a: str, b: str, kind: PTXType) -> str:
    carry_in = "carry" if op.opcode in ("addc", "subc", "madc") else "0"
    result = f"{function}<u{kind.bits}>({a}, {b}, {carry_in}, &carry_)"
    keep = "carry = carry_;" if op.has("cc") else ""
    return f"u32 carry_; {op.write(0, result, kind)} {keep}"
