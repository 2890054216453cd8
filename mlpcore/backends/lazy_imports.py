"""Imports that wait until they are needed, and are then not interrupted in the middle.

Python holds a lock of its own for each module that is being imported.  It never lets go of one
whose import an exception has left at a bad moment, nor, in a forked child, of one whose import
another thread of the parent had begun: whoever imports the module there waits for ever.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from mlpcore.backends.signals import deferred_signals


class _State:
    """The lock, and which thread holds it for the fork that it is about to do."""

    lock = threading.RLock()
    forking: int | None = None


@contextmanager
def importing() -> Iterator[None]:
    """Let signals and forks wait for the end of the block, which imports and does nothing else."""
    with deferred_signals(), _State.lock:
        yield


def _before_fork() -> None:
    _State.lock.acquire()
    _State.forking = threading.get_ident()


def _after_fork_in_parent() -> None:
    if _State.forking == threading.get_ident():
        _State.forking = None
        _State.lock.release()


def _after_fork_in_child() -> None:
    if _State.forking == threading.get_ident():
        _after_fork_in_parent()
    else:  # the wait was interrupted, and the fork went on all the same
        _State.lock = threading.RLock()


if hasattr(os, "register_at_fork"):  # pragma: no branch - absent on Windows only
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
