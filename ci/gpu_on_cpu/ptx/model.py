"""The tree that the parser makes: plain records, each with the line it came from."""

from __future__ import annotations

from dataclasses import dataclass, field

from .types import PTXType


@dataclass(frozen=True)
class Parameter:
    """A parameter of a function, or a ``.param`` variable that carries a call's argument."""

    name: str
    offset: int
    """Bytes from the start of the parameter block."""
    size: int
    """Bytes."""
    line: int


@dataclass(frozen=True)
class Registers:
    """A ``.reg`` declaration: names of one type (``%r<3>`` is spelled out)."""

    type: PTXType
    names: tuple[str, ...]
    line: int


@dataclass(frozen=True)
class Variable:
    """A ``.global``, ``.const``, ``.shared``, ``.local`` or ``.param`` array."""

    space: str
    name: str
    type: PTXType
    count: int
    """Number of elements; 0 for the unsized array that dynamic shared memory is."""
    align: int
    values: tuple[str, ...]
    """Initial values as written."""
    line: int

    @property
    def size(self) -> int:
        """Bytes."""
        return self.count * self.type.size


@dataclass(frozen=True)
class Label:
    """A branch target."""

    name: str
    line: int


@dataclass(frozen=True)
class BranchTargets:
    """The table of labels that ``brx.idx`` jumps through."""

    name: str
    labels: tuple[str, ...]
    line: int


@dataclass(frozen=True)
class Instruction:
    """One instruction: ``@guard opcode.modifiers operands``."""

    opcode: str
    """The part before the first dot."""
    modifiers: tuple[str, ...]
    """The parts after it, types among them, in order."""
    operands: tuple[str, ...]
    guard: str | None
    """The predicate register under which it executes."""
    negated: bool
    line: int

    @property
    def name(self) -> str:
        """The instruction as PTX spells it, with its modifiers."""
        return ".".join((self.opcode, *self.modifiers))


@dataclass
class Block:
    """A ``{ ... }`` scope; names declared inside are not seen outside."""

    statements: list[Registers | Variable | Label | BranchTargets | Instruction | Block] = field(
        default_factory=list
    )
    line: int = 0


@dataclass
class Function:
    """A ``.entry`` (kernel) or ``.func`` (device function)."""

    name: str
    is_entry: bool
    parameters: list[Parameter]
    returns: list[Parameter]
    body: Block | None
    """``None`` for a declaration."""
    max_threads: int | None
    """The product of ``.maxntid``, where given."""
    line: int

    @property
    def parameter_bytes(self) -> int:
        """Size of the parameter block."""
        if not self.parameters:
            return 0
        return self.parameters[-1].offset + self.parameters[-1].size


@dataclass
class Module:
    """A PTX file."""

    functions: dict[str, Function] = field(default_factory=dict)
    variables: list[Variable] = field(default_factory=list)

    @property
    def entries(self) -> list[Function]:
        """The kernels."""
        return [f for f in self.functions.values() if f.is_entry and f.body is not None]
