"""Reciprocals, roots and the approximate elementary functions.

An ``.approx`` instruction on hardware is off by an ulp or two, in a way that its documentation
bounds but does not define.  Here it is the true value rounded to the type: what a program computes
from it is within the documented bounds, but not the bits that a GPU gives.
"""

from __future__ import annotations

from .floats import ROUNDINGS, finish, read_float, rounding
from .operation import Operation
from .registry import instruction

_SINGLE = frozenset({"f32"})
_DOUBLE = frozenset({"f64"})
_EXACT = {*ROUNDINGS, "ftz", "approx"}
_LIBRARY = {"ex2": "exp2", "lg2": "log2", "sin": "sin", "cos": "cos", "tanh": "tanh"}


def _is_gross(op: Operation) -> bool:
    """Whether it is the 20-bit approximation that double-precision division starts from."""
    return op.type.name == "f64" and op.has("approx")


@instruction("rcp", types=_SINGLE | _DOUBLE, flags=_EXACT)
def reciprocal(op: Operation) -> str:
    """1 / a."""
    a = read_float(op, 1)
    if _is_gross(op):
        return finish(op, f"upper_half(1.0 / upper_half({a}))")
    mode = rounding(op)
    one = f"({op.type.value_type})1"
    return finish(op, f"{one} / {a}" if mode is None else f"div_rounded({mode}, {one}, {a})")


@instruction("sqrt", types=_SINGLE | _DOUBLE, flags=_EXACT)
def square_root(op: Operation) -> str:
    """The square root."""
    a, mode = read_float(op, 1), rounding(op)
    return finish(op, f"square_root({a})" if mode is None else f"sqrt_rounded({mode}, {a})")


@instruction("rsqrt", types=_SINGLE | _DOUBLE, flags={"approx", "ftz"})
def reciprocal_square_root(op: Operation) -> str:
    """1 / sqrt(a)."""
    a = read_float(op, 1)
    if op.type.name == "f64" and op.has("ftz"):
        return finish(op, f"upper_half(1.0 / square_root(upper_half({a})))")
    return finish(op, f"1.0 / square_root((double){a})")


@instruction("ex2", "lg2", "sin", "cos", "tanh", types=_SINGLE, flags={"approx", "ftz"})
def elementary(op: Operation) -> str:
    """In double precision by the C library, then rounded."""
    return finish(op, f"{_LIBRARY[op.opcode]}((double){read_float(op, 1)})")
