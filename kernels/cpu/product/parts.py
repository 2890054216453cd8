"""How some things in a row are divided into parts, so that several threads have some each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..codegen.values import Int

TASKS_EACH = 4
"""Parts for each participant: whoever is done sooner takes over from the others."""


def bounds_of_part(count: Int, part: Int, parts: Int, unit: Any = 1) -> tuple[Int, Int]:
    """Return where one of the parts of `count` things begins and ends.

    All have whole units of `unit` things, but for the last thing of all.  They differ by one unit
    in size at most; where there are more of them than units, some are empty.
    """
    units = count.ceil_div(unit)
    begin, end = part * units // parts, (part + 1) * units // parts
    return (begin * unit).min(count), (end * unit).min(count)
