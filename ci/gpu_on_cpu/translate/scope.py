"""The names that an instruction can see."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..ptx.model import Function, Module
    from ..ptx.types import PTXType
    from .names import Place


class ModuleState:
    """What the instructions of a module add up to."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.places: dict[str, Place] = {}
        self.site_lines: list[int] = []
        self.synchronises = False
        """Whether any instruction makes a thread wait for others."""


class Scope:
    """A stack of name tables: one for the function, one more for each open brace."""

    def __init__(self, state: ModuleState, function: Function) -> None:
        self.state = state
        self.function = function
        self._registers: list[dict[str, PTXType]] = [{}]
        self._places: list[dict[str, Place]] = [{}]
        self.branch_targets: dict[str, tuple[str, ...]] = {}
        self.local_bytes = 0

    def enter(self) -> None:
        """Open a brace."""
        self._registers.append({})
        self._places.append({})

    def leave(self) -> None:
        """Close it."""
        self._registers.pop()
        self._places.pop()

    def add_register(self, name: str, kind: PTXType) -> None:
        """Declare a register."""
        self._registers[-1][name] = kind

    def add_place(self, name: str, place: Place) -> None:
        """Declare a variable."""
        self._places[-1][name] = place

    def register(self, name: str) -> PTXType | None:
        """Return the type of a register, or None if there is none of that name."""
        for table in reversed(self._registers):
            if name in table:
                return table[name]
        return None

    def place(self, name: str) -> Place | None:
        """Return where a variable lies, or None if there is none of that name."""
        for table in reversed(self._places):
            if name in table:
                return table[name]
        return self.state.places.get(name)

    def site(self, line: int) -> str:
        """Make a new memory site and return its C++ name."""
        self.state.site_lines.append(line)
        return f"sites[{len(self.state.site_lines) - 1}]"
