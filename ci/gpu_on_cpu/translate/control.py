"""Branches, calls, returns and traps."""

from __future__ import annotations

from . import names
from .operation import Operation
from .registry import instruction

_ASSERTION = "__assertfail"


@instruction("bra")
def branch(op: Operation) -> str:
    """Jump; every thread runs on its own, so divergence needs no care."""
    return f"goto {names.label(op.operands[0])};"


@instruction("brx", flags={"idx"})
def branch_indexed(op: Operation) -> str:
    """Jump to one of a table's labels."""
    targets = op.scope.branch_targets.get(op.operands[1])
    if targets is None:
        op.refuse(f"no table {op.operands[1]!r}")
    index = f"(u32){names.identifier(op.operands[0])}"
    cases = " ".join(f"case {k}: goto {names.label(name)};" for k, name in enumerate(targets))
    return f'switch ({index}) {{ {cases} default: fault({op.line}, "branch index out of range"); }}'


@instruction("ret")
def return_(op: Operation) -> str:  # noqa: ARG001
    """Leave the function."""
    return "return;"


@instruction("exit")
def exit_(op: Operation) -> str:
    """End the thread."""
    if not op.scope.function.is_entry:
        op.refuse("inside a device function")
    return "return;"


@instruction("trap")
def trap(op: Operation) -> str:
    """Abort the kernel."""
    return f'fault({op.line}, "trap");'


@instruction("pragma", "nop", "brkpt")
def nothing(op: Operation) -> str:  # noqa: ARG001
    """Do nothing."""
    return ";"


@instruction("call")
def call(op: Operation) -> str:
    """Call a device function; arguments and results are ``.param`` variables, passed by address."""
    operands = list(op.operands)
    results = _names(operands.pop(0)) if operands[0].startswith("(") else []
    callee = operands.pop(0)
    arguments = _names(operands.pop(0)) if operands else []
    if operands:
        op.refuse("indirect calls")
    if callee == _ASSERTION:
        return f'fault({op.line}, "a device assertion failed");'
    function = op.scope.state.module.functions.get(callee)
    if function is None or function.body is None:
        op.refuse(f"the device library function {callee} is not there")
    passed = []
    for name in results + arguments:
        place = op.scope.place(name)
        if place is None:
            op.refuse(f"unknown name {name!r}")
        passed.append(f"(u8 *)({place.address})")
    return f"{names.function(callee)}({', '.join(passed)});"


def _names(operand: str) -> list[str]:
    return [name.strip() for name in operand.strip("()").split(",") if name.strip()]
