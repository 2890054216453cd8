"""Floating-point arithmetic: every result is rounded once, as IEEE 754 says."""

from __future__ import annotations

from ..ptx.types import FLOATS, HALF, PTXType
from .operation import Operation
from .registry import instruction

ROUNDINGS = ("rn", "rz", "rm", "rp")
_ARITHMETIC = {*ROUNDINGS, "ftz", "sat"}


def read_float(op: Operation, operand: int, kind: PTXType | None = None) -> str:
    """Read an operand, flushing subnormals under .ftz."""
    kind = kind or op.type
    value = op.read(operand, kind)
    return f"flush({value})" if op.has("ftz") and kind.name == "f32" else value


def finish(op: Operation, value: str, kind: PTXType | None = None) -> str:
    """Write a result, flushed under .ftz and clamped under .sat."""
    kind = kind or op.type
    value = f"({kind.value_type})({value})"
    if op.has("ftz") and kind.name == "f32":
        value = f"flush({value})"
    if op.has("sat"):
        value = f"saturate({value})"
    return op.write(0, value, kind)


def rounding(op: Operation) -> str | None:
    """Return the C++ name of the rounding mode, or None for round to nearest even."""
    mode = op.one_of(ROUNDINGS, "rn")
    return None if mode == "rn" else f"Rounding::{mode.upper()}"


def _rounded(op: Operation, plain: str, function: str, *operands: str) -> str:
    mode = rounding(op)
    if mode is None:
        return finish(op, plain)
    return finish(op, f"{function}_rounded({mode}, {', '.join(operands)})")


@instruction("add", "sub", types=FLOATS, flags=_ARITHMETIC)
def add(op: Operation) -> str:
    """Addition and subtraction."""
    a, b = read_float(op, 1), read_float(op, 2)
    sign = "+" if op.opcode == "add" else "-"
    return _rounded(op, f"{a} {sign} {b}", "add", a, b if sign == "+" else f"-{b}")


@instruction("mul", types=FLOATS, flags=_ARITHMETIC)
def multiply(op: Operation) -> str:
    """Multiplication."""
    a, b = read_float(op, 1), read_float(op, 2)
    return _rounded(op, f"{a} * {b}", "mul", a, b)


@instruction("add", "sub", "mul", types=HALF, flags={"rn"})
def half_arithmetic(op: Operation) -> str:
    """In single precision, which is wide enough that rounding twice is rounding once.

    24 bits are at least twice 11 plus two: S. A. Figueroa, "When is double rounding
    innocuous?", SIGNUM Newsletter 30(3), 1995.
    """
    sign = {"add": "+", "sub": "-", "mul": "*"}[op.opcode]
    return op.write(0, f"{op.read(1)} {sign} {op.read(2)}")


@instruction("fma", "mad", types=FLOATS, flags=_ARITHMETIC)
def fused_multiply_add(op: Operation) -> str:
    """D = a * b + c, rounded once."""
    operands = [read_float(op, k) for k in (1, 2, 3)]
    return _rounded(op, f"fused({', '.join(operands)})", "fma", *operands)


@instruction("div", types=FLOATS, flags={*_ARITHMETIC, "approx", "full"})
def divide(op: Operation) -> str:
    """Division; the approximate forms are rounded correctly too."""
    a, b = read_float(op, 1), read_float(op, 2)
    return _rounded(op, f"{a} / {b}", "div", a, b)


@instruction("min", "max", types=FLOATS, flags={"ftz", "NaN"})
def extreme(op: Operation) -> str:
    """The lesser or greater; a NaN loses unless .NaN says that it wins."""
    name = {"min": "minimum", "max": "maximum"}[op.opcode]
    name += "_nan" if op.has("NaN") else ""
    return finish(op, f"{name}({read_float(op, 1)}, {read_float(op, 2)})")


@instruction("min", "max", types=HALF, flags={"NaN"})
def half_extreme(op: Operation) -> str:
    """As `extreme`; no rounding is involved."""
    name = {"min": "minimum", "max": "maximum"}[op.opcode]
    name += "_nan" if op.has("NaN") else ""
    return op.write(0, f"{name}({op.read(1)}, {op.read(2)})")


@instruction("neg", types=FLOATS | HALF, flags={"ftz"})
def negate(op: Operation) -> str:
    """Change the sign."""
    return finish(op, f"-{read_float(op, 1)}")


@instruction("abs", types=FLOATS | HALF, flags={"ftz"})
def absolute(op: Operation) -> str:
    """Clear the sign."""
    return finish(op, f"absolute({read_float(op, 1)})")


@instruction("copysign", types=FLOATS)
def copy_sign(op: Operation) -> str:
    """The second operand with the sign of the first."""
    return op.write(0, f"with_sign_of({op.read(1)}, {op.read(2)})")


@instruction(
    "testp",
    types=FLOATS,
    flags={"finite", "infinite", "number", "notanumber", "normal", "subnormal"},
)
def test_property(op: Operation) -> str:
    """Ask what sort of number it is."""
    tests = {
        "finite": "is_finite",
        "infinite": "is_infinite",
        "number": "is_number",
        "notanumber": "!is_number",
        "normal": "is_normal",
        "subnormal": "is_subnormal",
    }
    return op.write(0, f"{tests[op.one_of(tests)]}({op.read(1)})")
