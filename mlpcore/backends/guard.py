"""Many may read the parameters at once; whoever writes them is alone."""

import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager


class Guard:
    """A lock that any number of readers share and one writer holds alone.

    A waiting writer goes before new readers, so that a step is not starved by constant prediction.
    A thread must not write while it reads.  A forked child starts with a free guard: the threads
    that held it do not exist there.
    """

    def __init__(self) -> None:
        self._reset()
        _guards.add(self)

    def _reset(self) -> None:
        self._condition = threading.Condition(threading.Lock())
        self._readers = 0
        self._writers = 0
        self._writing = False

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Hold the guard together with other readers."""
        with self._condition:
            while self._writers:
                self._condition.wait()
            self._readers += 1
        try:
            yield
        finally:
            with self._condition:
                self._readers -= 1
                if not self._readers:
                    self._condition.notify_all()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the guard alone."""
        with self._condition:
            self._writers += 1
            while self._readers or self._writing:
                self._condition.wait()
            self._writing = True
        try:
            yield
        finally:
            with self._condition:
                self._writers -= 1
                self._writing = False
                self._condition.notify_all()


_guards: "weakref.WeakSet[Guard]" = weakref.WeakSet()


def _reset_all() -> None:
    for guard in list(_guards):
        guard._reset()


if hasattr(os, "register_at_fork"):  # pragma: no branch - absent on Windows only
    os.register_at_fork(after_in_child=_reset_all)
