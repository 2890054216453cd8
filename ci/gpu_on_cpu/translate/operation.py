"""One instruction, decoded: types apart from flags, and operands as C++ expressions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

from ..errors import UnsupportedPTXError
from ..ptx.types import FOREIGN, TYPES, PTXType
from .names import SPECIAL_REGISTERS, identifier

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..ptx.model import Instruction
    from .scope import Scope

_INTEGER = re.compile(r"-?(0[xX][0-9a-fA-F]+|\d+)U?$")
_DECIMAL = re.compile(r"-?\d+\.\d*([eE][-+]?\d+)?$")
_FLOAT_BITS = re.compile(r"0[fF]([0-9a-fA-F]{8})$")
_DOUBLE_BITS = re.compile(r"0[dD]([0-9a-fA-F]{16})$")
_ADDRESS = re.compile(r"\[\s*([\w$%]+)\s*(?:\+\s*(-?\w+))?\s*\]$")
_SYMBOL = re.compile(r"([\w$%]+)\s*(?:\+\s*(\d+))?$")
_WORD = 0xFFFF_FFFF_FFFF_FFFF


class Operation:
    """An instruction together with the scope it stands in.

    Attributes
    ----------
    types : tuple of PTXType
        The type modifiers in order; most instructions have one, the last.
    flags : tuple of str
        All other modifiers in order.
    operands : tuple of str
        As written.
    """

    def __init__(self, instruction: Instruction, scope: Scope) -> None:
        self.name = instruction.name
        self.opcode = instruction.opcode
        self.operands = instruction.operands
        self.line = instruction.line
        self.scope = scope
        for modifier in instruction.modifiers:
            if modifier in FOREIGN:
                self.refuse(f"type .{modifier} is not emulated")
        self.types = tuple(TYPES[m] for m in instruction.modifiers if m in TYPES)
        self.flags = tuple(m for m in instruction.modifiers if m not in TYPES)

    @property
    def type(self) -> PTXType:
        """The last type modifier."""
        if not self.types:
            self.refuse("it has no type")
        return self.types[-1]

    def refuse(self, why: str) -> NoReturn:
        """Raise `UnsupportedPTXError` naming the line and the instruction."""
        raise UnsupportedPTXError(f"PTX line {self.line}: {self.name} is not emulated: {why}")

    def has(self, flag: str) -> bool:
        """Whether the modifier `flag` is given."""
        return flag in self.flags

    def one_of(self, choices: Iterable[str], default: str | None = None) -> str:
        """Return the modifier that is one of `choices`."""
        choices = tuple(choices)
        for flag in self.flags:
            if flag in choices:
                return flag
        if default is None:
            self.refuse(f"expected one of the modifiers {', '.join(choices)}")
        return default

    def elements(self, operand: str) -> list[str]:
        """Return the parts of a vector operand ``{a, b}``, or the operand alone."""
        if operand.startswith("{"):
            return [part.strip() for part in operand.strip("{}").split(",")]
        return [operand]

    def read(self, operand: int | str, kind: PTXType | None = None) -> str:
        """Return a C++ expression for an operand (its index or its text) as a value of `kind`."""
        text = self.operands[operand] if isinstance(operand, int) else operand
        kind = kind or self.type
        if text.startswith("!"):
            return f"(!{self.read(text[1:], kind)})"
        register = self.scope.register(text)
        if register is not None:
            if kind.kind == "pred" and register.kind != "pred":
                self.refuse(f"{text} is not a predicate")
            return _as_value(identifier(text), kind)
        constant = self._constant(text, kind)
        if constant is not None:
            return constant
        if kind.is_float or kind.kind == "pred":
            self.refuse(f"operand {text!r}")
        if text in SPECIAL_REGISTERS:
            return f"(({kind.value_type})({SPECIAL_REGISTERS[text]}))"
        return f"(({kind.value_type})({self._symbol_address(text)}))"

    def _constant(self, text: str, kind: PTXType) -> str | None:
        single, double = _FLOAT_BITS.match(text), _DOUBLE_BITS.match(text)
        if single:
            return _as_value(f"0x{single.group(1)}u", kind)
        if double:
            return _as_value(f"0x{double.group(1)}ull", kind)
        if _INTEGER.match(text) and not kind.is_float:
            digits = text.rstrip("U")
            value = int(digits, 8) if re.match(r"-?0\d", digits) else int(digits, 0)
            return f"(({kind.value_type})0x{value & _WORD:x}ull)"
        if kind.is_float and (_DECIMAL.match(text) or _INTEGER.match(text)):
            return f"(({kind.value_type}){float(text)!r})"
        return None

    def _symbol_address(self, text: str) -> str:
        match = _SYMBOL.match(text)
        place = self.scope.place(match.group(1)) if match else None
        if match is None or place is None:
            self.refuse(f"operand {text!r}")
        return f"{place.address} + {match.group(2) or 0}"

    def write(self, destination: int | str, value: str, kind: PTXType | None = None) -> str:
        """Return a C++ statement that stores `value`, an expression of type `kind`."""
        text = self.operands[destination] if isinstance(destination, int) else destination
        kind = kind or self.type
        if text == "_":
            return f"(void)({value});"
        register = self.scope.register(text)
        if register is None:
            self.refuse(f"destination {text!r}")
        target = identifier(text)
        if register.kind == "pred":
            return f"{target} = ({value});"
        if kind.name == "f16":
            return f"{target} = double_to_half({value});"
        if kind.is_float:
            return f"{target} = bits(({kind.value_type})({value}));"
        return f"{target} = ({register.bits_type})({kind.value_type})({value});"

    def address(self, operand: int, space: str) -> str:
        """Return the address in ``[base + offset]`` as a C++ expression of type u64."""
        match = _ADDRESS.match(self.operands[operand])
        if not match:
            self.refuse(f"address {self.operands[operand]!r}")
        base, offset = match.group(1), int(match.group(2) or "0", 0)
        if self.scope.register(base) is not None:
            start = f"(u64){identifier(base)}"
        elif base.isdigit():
            start = f"{base}ull"
        else:
            place = self.scope.place(base)
            if place is None:
                self.refuse(f"unknown name {base!r}")
            if place.space != space:
                self.refuse(f"{base} lies in {place.space} memory")
            start = place.address
        return f"({start} + ({offset}))"

    def site(self) -> str:
        """Return the C++ object that belongs to this memory instruction."""
        return self.scope.site(self.line)


def _as_value(raw: str, kind: PTXType) -> str:
    """Return the value of `kind` whose bits are `raw`."""
    if kind.kind == "pred":
        return raw
    if kind.name == "f16":
        return f"half_to_float({raw})"
    if kind.is_float:
        return f"{kind.name}({raw})"
    return f"(({kind.value_type}){raw})"
