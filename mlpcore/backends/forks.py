"""What a forked child puts right before anything else runs in it.

The threads that held a lock in the parent do not exist in the child, and nobody would let go of it.
"""

import os
import weakref
from typing import Protocol


class Forked(Protocol):
    """Whoever holds a lock."""

    def _after_fork(self) -> None:
        """Begin anew in a forked child."""


_known: "weakref.WeakSet[Forked]" = weakref.WeakSet()


def renew_in_child(holder: Forked) -> None:
    """Call ``holder._after_fork`` in every child that is forked while `holder` lives."""
    _known.add(holder)


def _renew() -> None:
    for holder in list(_known):
        holder._after_fork()


if hasattr(os, "register_at_fork"):  # pragma: no branch - absent on Windows only
    os.register_at_fork(after_in_child=_renew)
