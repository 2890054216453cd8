"""Loads, stores, fences and prefetches."""

from __future__ import annotations

from ..ptx.types import BITS, FLOATS, HALF, INTEGERS, TYPES
from .operation import Operation
from .registry import instruction

SPACES = ("global", "shared", "local", "param", "const")
_SCOPES = {"cta", "cluster", "gpu", "sys"}
_ORDERS = {"weak", "relaxed", "acquire", "release", "volatile"}
_CACHE = {"ca", "cg", "cs", "lu", "cv", "wb", "wt", "nc"}
_VECTORS = {"v2": 2, "v4": 4, "v8": 8}
_FLAGS = {*SPACES, *_SCOPES, *_ORDERS, *_CACHE, *_VECTORS}
_TYPES = INTEGERS | BITS | FLOATS | HALF


def space_of(op: Operation) -> str:
    """Return the memory space that the instruction names, or ``generic``."""
    for flag in op.flags:
        name = flag.split("::")[0]
        if name in SPACES:
            return name
    return "generic"


def cpp_space(space: str) -> str:
    """Return the runtime's name of a space."""
    return f"Space::{space.upper()}"


def _vector(op: Operation) -> int:
    return _VECTORS.get(op.one_of(_VECTORS, "none"), 1)


def _address(op: Operation, operand: int, count: int) -> str:
    """Return the statement that computes the address, checking a vector's alignment."""
    statement = f"u64 address_ = {op.address(operand, space_of(op))};"
    if count > 1:
        statement += f" check_alignment(address_, {count * op.type.size}, {op.line});"
    return statement


@instruction("ld", "ldu", types=_TYPES, flags=_FLAGS)
def load(op: Operation) -> str:
    """Load a value, or a vector element by element."""
    count, size = _vector(op), op.type.size
    kind = TYPES[f"b{op.type.bits}"] if op.type.is_float else op.type
    statements = [_address(op, 1, count)]
    for k, register in enumerate(op.elements(op.operands[0])):
        access = f"load<{kind.value_type}, {cpp_space(space_of(op))}>"
        statements.append(op.write(register, f"{access}(address_ + {k * size}, {op.site()})", kind))
    return " ".join(statements)


@instruction("st", types=_TYPES, flags=_FLAGS)
def store(op: Operation) -> str:
    """Store a value, or a vector element by element."""
    count, kind = _vector(op), TYPES[f"b{op.type.bits}"]
    statements = [_address(op, 0, count)]
    for k, register in enumerate(op.elements(op.operands[1])):
        access = f"store<{kind.value_type}, {cpp_space(space_of(op))}>"
        place = f"address_ + {k * kind.size}"
        statements.append(f"{access}({place}, {op.read(register, kind)}, {op.site()});")
    return " ".join(statements)


@instruction("membar", "fence", flags=_SCOPES | {"gl", "sc", "acq_rel", "acquire", "release"})
def fence(op: Operation) -> str:  # noqa: ARG001
    """Nothing: one thread runs at a time and memory is sequentially consistent."""
    return ";"


@instruction("prefetch", "prefetchu", flags={"global", "local"})
def prefetch(op: Operation) -> str:  # noqa: ARG001
    """Nothing: it concerns caches."""
    return ";"
