"""mov, selp, slct, cvta and isspacep."""

from __future__ import annotations

from ..ptx.types import BITS, FLOATS, HALF, INTEGERS, PREDICATE, TYPES, PTXType
from .operation import Operation
from .registry import instruction

_ANY = INTEGERS | BITS | FLOATS | HALF


def bits_of(kind: PTXType) -> PTXType:
    """Return the untyped type of the same width."""
    return TYPES[f"b{kind.bits}"]


@instruction("mov", types=PREDICATE)
def move_predicate(op: Operation) -> str:
    """Copy a predicate."""
    return op.write(0, op.read(1))


@instruction("mov", types=_ANY)
def move(op: Operation) -> str:
    """Copy bits, pack a vector into one register, or unpack one."""
    kind = bits_of(op.type)
    if op.operands[1].startswith("{"):
        return op.write(0, _pack(op, op.elements(op.operands[1]), kind), kind)
    if op.operands[0].startswith("{"):
        return _unpack(op, op.elements(op.operands[0]), kind)
    return op.write(0, op.read(1, kind), kind)


def _pack(op: Operation, parts: list[str], kind: PTXType) -> str:
    part = TYPES[f"b{kind.bits // len(parts)}"]
    shifted = (
        f"(({kind.value_type}){op.read(text, part)} << {part.bits * k})"
        for k, text in enumerate(parts)
    )
    return " | ".join(shifted)


def _unpack(op: Operation, parts: list[str], kind: PTXType) -> str:
    part = TYPES[f"b{kind.bits // len(parts)}"]
    whole = f"{kind.value_type} whole_ = {op.read(1, kind)};"
    stores = (
        op.write(text, f"whole_ >> {part.bits * k}", part)
        for k, text in enumerate(parts)
        if text != "_"
    )
    return " ".join((whole, *stores))


@instruction("selp", types=_ANY)
def select(op: Operation) -> str:
    """D = p ? a : b."""
    kind = bits_of(op.type)
    chosen = f"{op.read(3, TYPES['pred'])} ? {op.read(1, kind)} : {op.read(2, kind)}"
    return op.write(0, chosen, kind)


@instruction("slct", types={"s32", "f32"}, flags={"ftz"})
def select_by_sign(op: Operation) -> str:
    """D = c >= 0 ? a : b; a NaN chooses b and a subnormal under .ftz counts as zero."""
    kind = bits_of(op.types[0])
    control = op.read(3, op.types[1])
    if op.has("ftz"):
        control = f"flush({control})"
    return op.write(0, f"{control} >= 0 ? {op.read(1, kind)} : {op.read(2, kind)}", kind)


@instruction(
    "cvta", types={"u32", "u64"}, flags={"to", "global", "shared", "local", "const", "param"}
)
def convert_address(op: Operation) -> str:
    """Between a space's own addresses and generic ones; only shared memory has its own."""
    address = op.read(1)
    if any(flag.split("::")[0] == "shared" for flag in op.flags):
        address = f"{address} {'-' if op.has('to') else '+'} (u64)shared_memory"
    return op.write(0, address)


@instruction("isspacep", flags={"global", "shared", "local"})
def is_in_space(op: Operation) -> str:
    """Ask which space a generic address points into."""
    address = op.read(1, TYPES["u64"])
    space = op.one_of(("global", "shared", "local", "shared::cta")).split("::")[0]
    test = {
        "global": f"in_global({address})",
        "shared": f"in_shared({address})",
        "local": f"in_local({address}, 1)",
    }[space]
    return op.write(0, test, TYPES["pred"])
