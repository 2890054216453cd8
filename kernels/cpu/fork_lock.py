"""A lock that a fork waits for, so that no child is forked in the middle of what it guards."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ForkLock"]


class ForkLock:
    """Guards what does not survive a fork in its middle, such as an import; never freed.

    A child has only the thread that forked: what another thread had begun there never ends.
    """

    def __init__(self) -> None:
        # Reentrant, for a signal handler in the middle of what its own thread guards.
        self._lock = threading.RLock()
        self._forking: int | None = None  # the thread that holds it for the fork it is about to do
        if hasattr(os, "register_at_fork"):  # pragma: no branch - absent on Windows only
            os.register_at_fork(
                before=self._before_fork,
                after_in_parent=self._after_fork_in_parent,
                after_in_child=self._after_fork_in_child,
            )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other threads from the same, and from forking, while the block runs."""
        with self._lock:
            yield

    def _before_fork(self) -> None:
        self._lock.acquire()
        self._forking = threading.get_ident()

    def _after_fork_in_parent(self) -> None:
        if self._forking == threading.get_ident():
            self._forking = None
            self._lock.release()

    def _after_fork_in_child(self) -> None:
        if self._forking == threading.get_ident():
            self._after_fork_in_parent()
        else:  # the wait was interrupted, and the fork went on all the same
            self._lock = threading.RLock()
