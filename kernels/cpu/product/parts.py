"""How some things in a row are divided into parts, so that several threads have some each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..codegen.values import Int

TASKS_EACH = 4
"""Parts for each participant: whoever is done sooner takes over from the others."""


def bounds_of_part(count: Int, part: Int, parts: Int) -> tuple[Int, Int]:
    """Return where one of the parts of `count` things begins and ends.

    They differ by one in size at most; where there are more of them than things, some are empty.
    """
    return part * count // parts, (part + 1) * count // parts
