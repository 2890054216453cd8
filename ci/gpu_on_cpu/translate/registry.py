"""The table of instructions: which translator handles which opcode, types and modifiers.

A modifier that a translator did not name is refused.  Ignoring one could turn, say, a saturating
addition into a wrapping one without anybody noticing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .operation import Operation

Translator = Callable[[Operation], str]

#: Modifiers that say how certain or how fast a compiler may be and change no result here.
HARMLESS = frozenset({"uni", "aligned"})


@dataclass(frozen=True)
class _Entry:
    translator: Translator
    types: frozenset[str] | None
    flags: frozenset[str]


_TABLE: dict[str, list[_Entry]] = {}


def instruction(
    *opcodes: str, types: Iterable[str] | None = None, flags: Iterable[str] = ()
) -> Callable[[Translator], Translator]:
    """Register a translator.

    Parameters
    ----------
    *opcodes
        The instructions it handles.
    types
        The types it handles, as the last type modifier; None for instructions without a type.
    flags
        The modifiers it understands.
    """

    def register(translator: Translator) -> Translator:
        entry = _Entry(translator, None if types is None else frozenset(types), frozenset(flags))
        for opcode in opcodes:
            _TABLE.setdefault(opcode, []).append(entry)
        return translator

    return register


def translate_operation(operation: Operation) -> str:
    """Return C++ statements that do what `operation` does."""
    entries = _TABLE.get(operation.opcode)
    if not entries:
        operation.refuse("no such instruction here")
    kind = operation.types[-1].name if operation.types else None
    fitting = [e for e in entries if (kind in e.types if e.types is not None else kind is None)]
    if not fitting:
        operation.refuse(f"type .{kind}" if kind else "it has no type")
    unknown = [[f for f in operation.flags if not _is_known(f, e.flags)] for e in fitting]
    for entry, flags in zip(fitting, unknown, strict=True):
        if not flags:
            return entry.translator(operation)
    return operation.refuse(f"modifier .{unknown[-1][0]}")


def _is_known(flag: str, flags: frozenset[str]) -> bool:
    """Whether a translator with `flags` understands `flag`.

    ``shared::cta`` is the shared memory of the own block, which is all there is here; what begins
    with ``L1::`` or ``L2::`` concerns caches.
    """
    if flag.startswith(("L1::", "L2::")):
        return True
    return flag in HARMLESS or flag.removesuffix("::cta") in flags
