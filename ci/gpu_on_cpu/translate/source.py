"""Putting a module together: variables, functions, and the tables that the executor asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import UnsupportedPTXError
from ..ptx.model import (
    Block,
    BranchTargets,
    Function,
    Instruction,
    Label,
    Module,
    Registers,
    Variable,
)
from ..ptx.types import TYPES
from . import (  # noqa: F401 - each registers its instructions
    atomics,
    bitwise,
    comparisons,
    control,
    conversions,
    floats,
    functions,
    integers,
    memory,
    moves,
    names,
    synchronisation,
)
from .names import Place, identifier
from .operation import Operation
from .registry import translate_operation
from .scope import ModuleState, Scope

#: A thread's stack is 64 KiB; what is left after local variables must hold C++'s own frames.
MOST_LOCAL_BYTES = 48 * 1024

_HEX_FLOAT = re.compile(r"0[fFdD]([0-9a-fA-F]+)$")
_INTEGER = re.compile(r"(-?(?:0[xX][0-9a-fA-F]+|\d+))U?$")


@dataclass(frozen=True)
class Translation:
    """A translated module.

    Attributes
    ----------
    source : str
        The C++ text.
    entries : tuple of str
        Kernels, in the order of the table ``gpu_on_cpu_entries``.
    globals : tuple of Variable
        Global and constant variables, in the order of the table ``gpu_on_cpu_globals``.
    static_shared : dict
        Bytes of static shared memory of each kernel.
    synchronises : bool
        Whether any kernel has a barrier or a warp operation.
    """

    source: str
    entries: tuple[str, ...]
    globals: tuple[Variable, ...]
    static_shared: dict[str, int]
    synchronises: bool


class _SharedLayout:
    """Hands out offsets in shared memory."""

    def __init__(self, start: int = 0) -> None:
        self.size = start

    def place(self, variable: Variable) -> Place:
        if variable.count == 0:
            return Place("shared", "launch.dynamic_offset")
        self.size = -(-self.size // variable.align) * variable.align
        place = Place("shared", f"{self.size}ull")
        self.size += variable.size
        return place


def translate(module: Module) -> Translation:
    """Translate a parsed module.

    Raises
    ------
    UnsupportedPTXError
        For the first instruction or directive that is not emulated.
    """
    state = ModuleState(module)
    common = _SharedLayout()
    global_variables = [v for v in module.variables if v.space in ("global", "const")]
    for variable in module.variables:
        if variable.space == "shared":
            state.places[variable.name] = common.place(variable)
        elif variable in global_variables:
            state.places[variable.name] = Place(variable.space, f"(u64){identifier(variable.name)}")
        else:
            raise UnsupportedPTXError(
                f"PTX line {variable.line}: .{variable.space} outside a function"
            )
    defined = [f for f in module.functions.values() if f.body is not None]
    bodies, static_shared = [], {}
    # Device functions first: the shared variables that they declare belong to every kernel.
    for function in sorted(defined, key=lambda f: f.is_entry):
        layout = _SharedLayout(common.size) if function.is_entry else common
        bodies.append(_function(function, state, layout))
        static_shared[function.name] = layout.size
    # Dynamic shared memory starts after the static part, aligned for any type.
    static_shared = {
        name: -(-size // 16) * 16
        for name, size in static_shared.items()
        if module.functions[name].is_entry
    }
    entries = tuple(static_shared)
    parts = [
        '#include "kernel.hpp"',
        "using namespace gpu_on_cpu;",
        _sites(state),
        *(_global_variable(v) for v in global_variables),
        *(f"static {_signature(f)};" for f in defined if not f.is_entry),
        *bodies,
        _table("gpu_on_cpu_entries", [names.function(name) for name in entries]),
        _table("gpu_on_cpu_globals", [identifier(v.name) for v in global_variables]),
    ]
    return Translation(
        "\n".join(parts) + "\n", entries, tuple(global_variables), static_shared, state.synchronises
    )


def _sites(state: ModuleState) -> str:
    """Return the table of memory sites, one for each access in the text."""
    rows = ", ".join(f"{{{line}}}" for line in state.site_lines) or "{0}"
    return f"static Site sites[] = {{{rows}}};"


def _table(name: str, items: list[str]) -> str:
    rows = "".join(f"(void *){item}, " for item in items)
    return f'extern "C" void *const {name}[] = {{{rows}nullptr}};'


def _global_variable(variable: Variable) -> str:
    values = ", ".join(_initial_value(value, variable) for value in variable.values)
    return (
        f"alignas({max(variable.align, 16)}) static {variable.type.bits_type} "
        f"{identifier(variable.name)}[{max(variable.count, 1)}] = {{{values}}};"
    )


def _initial_value(text: str, variable: Variable) -> str:
    bits = _HEX_FLOAT.match(text)
    if bits:
        return f"0x{bits.group(1)}ull"
    number = _INTEGER.match(text)
    if not number:
        raise UnsupportedPTXError(f"PTX line {variable.line}: initial value {text!r}")
    return f"({variable.type.bits_type}){number.group(1)}ll"


def _signature(function: Function) -> str:
    if function.is_entry:
        return f"void {names.function(function.name)}(const u8 *parameters)"
    passed = ", ".join(f"u8 *{identifier(p.name)}" for p in function.returns + function.parameters)
    return f"void {names.function(function.name)}({passed})"


def _function(function: Function, state: ModuleState, layout: _SharedLayout) -> str:
    assert function.body is not None
    scope = Scope(state, function)
    for parameter in function.returns + function.parameters:
        start = (
            f"(u64)parameters + {parameter.offset}"
            if function.is_entry
            else f"(u64){identifier(parameter.name)}"
        )
        scope.add_place(parameter.name, Place("param", f"({start})"))
    lines = [f"static {_signature(function)} {{", "u32 carry = 0; (void)carry;"]
    lines += _block(function.body, scope, layout)
    if scope.local_bytes > MOST_LOCAL_BYTES:
        raise UnsupportedPTXError(
            f"PTX line {function.line}: {function.name} has {scope.local_bytes} bytes of local "
            f"variables; {MOST_LOCAL_BYTES} fit on a thread's stack here"
        )
    return "\n".join([*lines, "}"])


def _block(block: Block, scope: Scope, layout: _SharedLayout) -> list[str]:
    for statement in block.statements:
        if isinstance(statement, BranchTargets):
            scope.branch_targets[statement.name] = statement.labels
    lines: list[str] = []
    for statement in block.statements:
        if isinstance(statement, Block):
            scope.enter()
            lines += ["{", *_block(statement, scope, layout), "}"]
            scope.leave()
        elif isinstance(statement, Label):
            lines.append(f"{names.label(statement.name)}:;")
        elif isinstance(statement, Registers):
            for name in statement.names:
                scope.add_register(name, statement.type)
            spelled = ", ".join(identifier(name) for name in statement.names)
            lines.append(f"{statement.type.bits_type} {spelled};")
        elif isinstance(statement, Variable):
            lines.append(_local_variable(statement, scope, layout))
        elif isinstance(statement, Instruction):
            lines.append(_instruction(statement, scope))
    return lines


def _local_variable(variable: Variable, scope: Scope, layout: _SharedLayout) -> str:
    if variable.space == "shared":
        scope.add_place(variable.name, layout.place(variable))
        return ""
    if variable.space not in ("local", "param"):
        raise UnsupportedPTXError(f"PTX line {variable.line}: .{variable.space} inside a function")
    name = identifier(variable.name)
    scope.add_place(variable.name, Place(variable.space, f"(u64){name}"))
    scope.local_bytes += variable.size
    return f"alignas({max(variable.align, 8)}) u8 {name}[{max(variable.size, 1)}];"


def _instruction(instruction: Instruction, scope: Scope) -> str:
    operation = Operation(instruction, scope)
    code = translate_operation(operation)
    guard = ""
    if instruction.guard is not None:
        predicate = operation.read(instruction.guard, TYPES["pred"])
        guard = f"if ({'!' if instruction.negated else ''}{predicate}) "
    return f"{guard}{{ {code} }}  // {instruction.line}"
