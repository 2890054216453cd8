"""Barriers, shuffles, votes and everything else that makes a thread wait for others."""

from __future__ import annotations

from ..ptx.types import PREDICATE, TYPES
from .operation import Operation
from .registry import instruction

_MASK = TYPES["b32"]
_PREDICATE = TYPES["pred"]
_BARRIER_FLAGS = {"cta", "sync", "red", "popc", "and", "or", "warp"}
_VOTE = {"any": "ANY", "all": "ALL", "uni": "UNIFORM", "ballot": "BALLOT"}
_SHUFFLE = {"idx": "INDEX", "up": "UP", "down": "DOWN", "bfly": "XOR"}
_REDUCTION = {"popc": "COUNT", "and": "ALL", "or": "ANY"}


def _waits(op: Operation) -> None:
    op.scope.state.synchronises = True


def _warp(op: Operation, operation: str, mask: str, value: str) -> str:
    _waits(op)
    return f"warp_operation(WarpOperation::{operation}, {mask}, {value}, {op.line})"


def _barrier(op: Operation, operation: str, number: str, predicate: str) -> str:
    _waits(op)
    aligned = "true" if op.opcode == "bar" or op.has("aligned") else "false"
    return f"barrier({number}, BarrierOperation::{operation}, {predicate}, {aligned}, {op.line})"


@instruction("bar", "barrier", flags=_BARRIER_FLAGS - {"red", "popc", "and", "or"})
def barrier(op: Operation) -> str:
    """Wait for all threads of the block, or with .warp for the lanes of a mask."""
    if not op.has("sync"):
        op.refuse("only .sync and .red")
    if op.has("warp"):
        return _warp(op, "SYNC", op.read(0, _MASK), "0") + ";"
    if len(op.operands) > 1:
        op.refuse("a barrier for a part of the block")
    return _barrier(op, "SYNC", op.read(0, _MASK), "false") + ";"


@instruction("bar", "barrier", types={"pred", "u32"}, flags=_BARRIER_FLAGS - {"warp", "sync"})
def barrier_vote(op: Operation) -> str:
    """Wait for all threads of the block and combine their predicates."""
    if len(op.operands) != 3:
        op.refuse("a barrier for a part of the block")
    operation = _REDUCTION[op.one_of(_REDUCTION)]
    vote = _barrier(op, operation, op.read(1, _MASK), op.read(2, _PREDICATE))
    return op.write(0, vote)


@instruction("shfl", types={"b32"}, flags={"sync", *_SHUFFLE})
def shuffle(op: Operation) -> str:
    """Read another lane's value; the optional predicate says whether that lane was in range."""
    if not op.has("sync"):
        op.refuse("without .sync")
    _waits(op)
    value, _, in_range = op.operands[0].partition("|")
    operation = f"WarpOperation::SHUFFLE_{_SHUFFLE[op.one_of(_SHUFFLE)]}"
    mask, a, b, c = (op.read(k, _MASK) for k in (4, 1, 2, 3))
    statements = [
        "bool in_range_;",
        f"u32 value_ = shuffle({operation}, {mask}, {a}, {b}, {c}, &in_range_, {op.line});",
        op.write(value.strip(), "value_"),
    ]
    if in_range and in_range.strip() != "_":
        statements.append(op.write(in_range.strip(), "in_range_", _PREDICATE))
    return " ".join(statements)


@instruction("vote", types=PREDICATE | {"b32"}, flags={"sync", *_VOTE})
def vote(op: Operation) -> str:
    """Combine the predicates of the lanes of a mask."""
    if not op.has("sync"):
        op.refuse("without .sync")
    operation = _VOTE[op.one_of(_VOTE)]
    return op.write(0, _warp(op, operation, op.read(2, _MASK), op.read(1, _PREDICATE)))


@instruction("match", types={"b32", "b64"}, flags={"sync", "any", "all"})
def match(op: Operation) -> str:
    """The lanes that hold the same value."""
    value, mask = op.read(1), op.read(2, _MASK)
    if op.one_of(("any", "all")) == "any":
        return op.write(0, _warp(op, "MATCH_ANY", mask, value), _MASK)
    _waits(op)
    lanes, _, equal = op.operands[0].partition("|")
    statements = [
        "bool equal_;",
        f"u32 lanes_ = match_all({mask}, {value}, &equal_, {op.line});",
        op.write(lanes.strip(), "lanes_", _MASK),
    ]
    if equal and equal.strip() != "_":
        statements.append(op.write(equal.strip(), "equal_", _PREDICATE))
    return " ".join(statements)


@instruction(
    "redux", types={"u32", "s32", "b32"}, flags={"sync", "add", "min", "max", "and", "or", "xor"}
)
def warp_reduction(op: Operation) -> str:
    """Combine the integers of the lanes of a mask."""
    operation = op.one_of(("add", "min", "max", "and", "or", "xor")).upper()
    if operation in ("MIN", "MAX"):
        operation += "_SIGNED" if op.type.is_signed else "_UNSIGNED"
    value = f"(u32){op.read(1)}"
    return op.write(0, _warp(op, operation, op.read(2, _MASK), value))
