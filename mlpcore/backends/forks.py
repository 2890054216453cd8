"""What a forked child puts right before anything else runs in it, and a parent before it forks.

The threads that held a lock in the parent do not exist in the child, and nobody would let go of it.
"""

import os
import weakref
from typing import Protocol


class Forked(Protocol):
    """Whoever holds a lock."""

    def _after_fork(self) -> None:
        """Begin anew in a forked child."""


class Forking(Protocol):
    """Whoever has threads of its own."""

    def _before_fork(self) -> None:
        """End them."""


_known: "weakref.WeakSet[Forked]" = weakref.WeakSet()
_with_threads: "weakref.WeakSet[Forking]" = weakref.WeakSet()


def renew_in_child(holder: Forked) -> None:
    """Call ``holder._after_fork`` in every child that is forked while `holder` lives."""
    _known.add(holder)


def prepare_to_fork(holder: Forking) -> None:
    """Call ``holder._before_fork`` before this process forks, while `holder` lives."""
    _with_threads.add(holder)


def _renew() -> None:
    for holder in list(_known):
        holder._after_fork()


def _prepare() -> None:
    for holder in list(_with_threads):
        holder._before_fork()


if hasattr(os, "register_at_fork"):  # pragma: no branch - absent on Windows only
    os.register_at_fork(before=_prepare, after_in_child=_renew)
