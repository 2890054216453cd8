"""setp and set."""

from __future__ import annotations

from ..ptx.types import BITS, FLOATS, HALF, INTEGERS, TYPES
from .operation import Operation
from .registry import instruction

_INTEGER = {
    "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
    "lo": "<", "ls": "<=", "hi": ">", "hs": ">=",
}  # fmt: skip
#: An ordered comparison is false if an operand is NaN, an unordered one (ending in u) true.
#: ``!(a >= b)`` is how C++ says "less, or unordered".
_FLOAT = {
    "eq": "({a} == {b})",
    "ne": "({a} < {b} || {a} > {b})",
    "lt": "({a} < {b})",
    "le": "({a} <= {b})",
    "gt": "({a} > {b})",
    "ge": "({a} >= {b})",
    "equ": "!({a} < {b} || {a} > {b})",
    "neu": "({a} != {b})",
    "ltu": "!({a} >= {b})",
    "leu": "!({a} > {b})",
    "gtu": "!({a} <= {b})",
    "geu": "!({a} < {b})",
    "num": "({a} == {a} && {b} == {b})",
    "nan": "({a} != {a} || {b} != {b})",
}
_COMBINE = {"and": "&", "or": "|", "xor": "^"}
_FLAGS = {*_INTEGER, *_FLOAT, *_COMBINE, "ftz"}
_PREDICATE = TYPES["pred"]


def _comparison(op: Operation) -> str:
    """Return the comparison of operands 1 and 2 as a C++ condition."""
    kind = op.types[-1]
    a, b = op.read(1, kind), op.read(2, kind)
    if kind.is_float:
        if op.has("ftz") and kind.name == "f32":
            a, b = f"flush({a})", f"flush({b})"
        return _FLOAT[op.one_of(_FLOAT)].format(a=a, b=b)
    return f"({a} {_INTEGER[op.one_of(_INTEGER)]} {b})"


def _combined(op: Operation, condition: str) -> str:
    """Combine a condition with the predicate that is the last operand, if there is one."""
    if len(op.operands) < 4:
        return condition
    return f"(bool)({condition} {_COMBINE[op.one_of(_COMBINE)]} {op.read(3, _PREDICATE)})"


@instruction("setp", types=INTEGERS | BITS | FLOATS | HALF, flags=_FLAGS)
def set_predicate(op: Operation) -> str:
    """P = compare(a, b) combined with c; q, if asked for, starts from the opposite comparison."""
    p, _, q = op.operands[0].partition("|")
    statements = [f"bool compared_ = {_comparison(op)};"]
    results = (
        [op.write(p.strip(), _combined(op, "compared_"), _PREDICATE)] if p.strip() != "_" else []
    )
    if q and q.strip() != "_":
        # Both are computed before either is written: a destination may also be the operand.
        statements.append(f"bool opposite_ = {_combined(op, '!compared_')};")
        results.append(op.write(q.strip(), "opposite_", _PREDICATE))
    return " ".join(statements + results)


@instruction("set", types=INTEGERS | BITS | FLOATS, flags=_FLAGS)
def set_value(op: Operation) -> str:
    """All ones, or 1.0, where the comparison holds; otherwise zero."""
    destination = op.types[0]
    yes = "1.0f" if destination.is_float else f"({destination.value_type})~0ull"
    condition = _combined(op, _comparison(op))
    return op.write(0, f"{condition} ? {yes} : ({destination.value_type})0", destination)
