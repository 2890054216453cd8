"""Declarations: parameters, registers and variables."""

from __future__ import annotations

import re

from ..errors import PTXSyntaxError, UnsupportedPTXError
from .model import Parameter, Registers, Variable
from .types import FOREIGN, TYPES, PTXType

_REGISTERS = re.compile(r"\.reg\s+\.(\w+)\s+(.*)$", re.DOTALL)
_REGISTER_RANGE = re.compile(r"(%?[\w$]+)<(\d+)>$")
_VARIABLE = re.compile(
    r"(?:\.(?:visible|weak|extern|common)\s+)*"
    r"\.(?P<space>global|const|shared|local|param)\b"
    r"(?:\s*\.align\s+(?P<align>\d+))?"
    r"\s*\.(?P<type>\w+)"
    r"(?P<pointer>\s*\.ptr(?:\s*\.(?:global|const|shared|local))?(?:\s*\.align\s+\d+)?)?"
    r"\s+(?P<name>[\w$%]+)\s*(?P<extents>(?:\[\s*\d*\s*\])*)"
    r"\s*(?:=\s*(?P<values>.*))?$",
    re.DOTALL,
)


def _type(name: str, line: int) -> PTXType:
    if name in TYPES:
        return TYPES[name]
    if name in FOREIGN:
        raise UnsupportedPTXError(f"PTX line {line}: type .{name} is not emulated")
    raise PTXSyntaxError(f"PTX line {line}: .{name} is not a type")


def parse_registers(text: str, line: int) -> list[Registers]:
    """Parse ``.reg .type name, name<count>``."""
    match = _REGISTERS.match(text)
    if not match:
        raise PTXSyntaxError(f"PTX line {line}: {text!r} is not a register declaration")
    names: list[str] = []
    for item in match.group(2).split(","):
        spelled = _REGISTER_RANGE.match(item.strip())
        if spelled:
            names.extend(f"{spelled.group(1)}{k}" for k in range(int(spelled.group(2))))
        else:
            names.append(item.strip())
    return [Registers(_type(match.group(1), line), tuple(names), line)]


def parse_variable(text: str, line: int) -> Variable:
    """Parse a variable of any memory space, with its initial values if it has any."""
    match = _VARIABLE.match(text.strip())
    if not match:
        first = " ".join(text.split())[:60]
        raise UnsupportedPTXError(f"PTX line {line}: directive {first!r} is not emulated")
    kind = _type(match["type"], line)
    count = 1
    for extent in re.findall(r"\[\s*(\d*)\s*\]", match["extents"]):
        count *= int(extent or 0)
    values = tuple(re.findall(r"[^{},\s]+", match["values"] or ""))
    if values and match["extents"] == "[]":
        count = len(values)
    align = int(match["align"] or kind.size)
    return Variable(match["space"], match["name"], kind, count, align, values, line)


def parse_parameters(text: str, line: int) -> list[Parameter]:
    """Parse the comma-separated parameters of a function and lay them out.

    Each starts at the next multiple of its alignment, as the PTX calling convention has it.
    """
    parameters: list[Parameter] = []
    offset = 0
    for item in filter(str.strip, text.split(",")):
        if item.strip().startswith(".reg"):
            raise UnsupportedPTXError(f"PTX line {line}: register parameters are not emulated")
        variable = parse_variable(item, line)
        offset = -(-offset // variable.align) * variable.align
        parameters.append(Parameter(variable.name, offset, variable.size, line))
        offset += variable.size
    return parameters
