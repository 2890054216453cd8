"""cvt: between integers, floats and half precision."""

from __future__ import annotations

from ..ptx.types import FLOATS, HALF, INTEGERS, PTXType
from .floats import ROUNDINGS, finish, rounding
from .operation import Operation
from .registry import instruction

_TO_INTEGRAL = {"rni": "RN", "rzi": "RZ", "rmi": "RM", "rpi": "RP"}
_ALL = INTEGERS | FLOATS | HALF


@instruction("cvt", types=_ALL, flags={*ROUNDINGS, *_TO_INTEGRAL, "ftz", "sat"})
def convert(op: Operation) -> str:
    """Convert from the last type to the one before it."""
    to, source = op.types
    if to.is_float and source.is_float:
        return _float_to_float(op, to, source)
    if to.is_float:
        return _integer_to_float(op, to, source)
    if op.has("sat"):
        op.refuse("saturation of integers")
    if source.is_float:
        value = _read(op, source)
        mode = _TO_INTEGRAL[op.one_of(_TO_INTEGRAL)]
        return op.write(0, f"to_integer<{to.value_type}>(Rounding::{mode}, {value})", to)
    return op.write(0, f"({to.value_type}){op.read(1, source)}", to)


def _read(op: Operation, source: PTXType) -> str:
    value = op.read(1, source)
    return f"flush({value})" if op.has("ftz") and source.name == "f32" else value


def _integer_to_float(op: Operation, to: PTXType, source: PTXType) -> str:
    if rounding(op) is not None:
        op.refuse("a rounding mode other than .rn")
    if to.name == "f16":
        # Integers of more than 53 bits are rounded by the first step, but are infinite in f16.
        return op.write(0, f"(double){op.read(1, source)}", to)
    return finish(op, f"({to.value_type}){op.read(1, source)}", to)


def _float_to_float(op: Operation, to: PTXType, source: PTXType) -> str:
    value = _read(op, source)
    integral = op.one_of(_TO_INTEGRAL, "none")
    if integral != "none":
        if to != source:
            op.refuse("rounding to an integer and changing the type at once")
        return finish(op, f"to_integral(Rounding::{_TO_INTEGRAL[integral]}, {value})", to)
    mode = rounding(op)
    if mode is not None and (to.name, source.name) != ("f32", "f64"):
        op.refuse("a rounding mode other than .rn")
    if mode is not None:
        return finish(op, f"narrow_rounded({mode}, {value})", to)
    if to.name == "f16":
        if op.has("sat"):
            value = f"saturate({value})"
        return op.write(0, value, to)
    return finish(op, f"({to.value_type}){value}", to)
