"""atom and red: read, change and write at once."""

from __future__ import annotations

from ..ptx.types import FLOATS, TYPES, PTXType
from .memory import cpp_space, space_of
from .operation import Operation
from .registry import instruction

_FLAGS = {
    *(
        "global",
        "shared",
        "relaxed",
        "acquire",
        "release",
        "acq_rel",
        "cta",
        "cluster",
        "gpu",
        "sys",
    ),
    *("add", "min", "max", "inc", "dec", "and", "or", "xor", "exch", "cas"),
}
_OPERATIONS = ("add", "min", "max", "inc", "dec", "and", "or", "xor", "exch", "cas")
_INTEGER = frozenset({"u32", "s32", "u64", "s64", "b32", "b64"})


@instruction("atom", types=_INTEGER | FLOATS | {"b16"}, flags=_FLAGS)
def atomic(op: Operation) -> str:
    """Return the value before the change."""
    kind = TYPES[f"b{op.type.bits}"]
    return op.write(0, _atomic(op, 1), kind)


@instruction("red", types=_INTEGER | FLOATS, flags=_FLAGS)
def reduce(op: Operation) -> str:
    """As atom, with nothing returned."""
    return _atomic(op, 0) + ";"


def _atomic(op: Operation, first: int) -> str:
    """Return the C++ expression; `first` is the operand that is the address."""
    kind, raw = op.type, op.type.bits_type
    change = _change(op, kind, first + 1)
    address = op.address(first, space_of(op))
    function = f"[&]({raw} before) -> {raw} {{ return {change}; }}"
    return f"atomic<{raw}, {cpp_space(space_of(op))}>({address}, {function}, {op.site()})"


def _change(op: Operation, kind: PTXType, operand: int) -> str:
    """Return the new value, as bits, in terms of the bits `before`."""
    name = op.one_of(_OPERATIONS)
    b = op.read(operand, kind)
    if kind.is_float:
        if name not in ("add", "exch"):
            op.refuse(f".{name} of floats")
        return (
            f"bits(({kind.value_type})({kind.name}(before) + {b}))"
            if name == "add"
            else f"bits({b})"
        )
    a = f"(({kind.value_type})before)"
    return {
        "add": f"before + ({kind.bits_type}){b}",
        "min": f"lesser<{kind.value_type}>({a}, {b})",
        "max": f"greater<{kind.value_type}>({a}, {b})",
        "and": f"before & ({kind.bits_type}){b}",
        "or": f"before | ({kind.bits_type}){b}",
        "xor": f"before ^ ({kind.bits_type}){b}",
        "exch": f"({kind.bits_type}){b}",
        "inc": f"{a} >= {b} ? 0 : {a} + 1",
        "dec": f"({a} == 0 || {a} > {b}) ? {b} : {a} - 1",
        "cas": f"{a} == {b} ? ({kind.bits_type}){_swap(op, operand + 1, kind)} : before",
    }[name]


def _swap(op: Operation, operand: int, kind: PTXType) -> str:
    return op.read(operand, kind) if operand < len(op.operands) else "before"
