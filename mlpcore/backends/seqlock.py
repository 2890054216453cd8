"""Any number of readers, and writers that they never see the half of.

A sequence lock: a writer makes the sequence number odd while it writes and even when it is done,
and a reader whose number changed meanwhile reads again (https://en.wikipedia.org/wiki/Seqlock).  A
reader holds nothing, so an exception, a signal or a fork in the middle of a read leaves nothing
behind.

A reader that meets a writer, or is overtaken again and again, reads with the writers held up.  Who
writes in a tight loop would have the lock again before such a reader has woken, so both go through
a gate to it, which a reader closes while it waits: the next write comes after that read.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from mlpcore.backends.forks import renew_in_child
from mlpcore.backends.signals import deferred_signals

T = TypeVar("T")

_TRIES = 3
"""How often a reader tries beside the writers before it makes them wait."""


class SequenceLock:
    """Guards arrays that many threads read and some write.

    Attributes
    ----------
    sequence : int
        Even when nobody writes; each write adds two.  It stands for the state of the arrays.
    """

    def __init__(self) -> None:
        self.sequence = 0
        self._torn = False
        self._writer: int | None = None
        self._renew()
        renew_in_child(self)

    def read(self, work: Callable[[], T]) -> T:
        """Return what `work` returns on one whole state; it may be called more than once.

        Raises
        ------
        RuntimeError
            If this thread is in the middle of a write, or the process was forked in the middle of
            one.
        """
        for _ in range(_TRIES):
            before = self.sequence
            if before % 2 or self._torn:
                break
            result = work()
            if self.sequence == before:
                return result
        self._refuse_the_writer()
        with self._gate, self._lock:
            while True:  # but for a signal handler that writes, nobody can
                self._refuse_torn()
                before = self.sequence
                result = work()
                if self.sequence == before:
                    return result

    @contextmanager
    def write(self) -> Iterator[None]:
        """Let nobody else write, and readers wait or read again; signals wait for the end.

        Raises
        ------
        RuntimeError
            If this thread is in the middle of a write already.
        """
        self._refuse_the_writer()
        with deferred_signals(), self._turn():
            self._writer = threading.get_ident()
            self.sequence += 1
            try:
                yield
            finally:
                self.sequence += 1
                self._writer = None
                self._torn = False

    @property
    def torn(self) -> bool:
        """Whether the process was forked in the middle of a write, and nobody has written since."""
        return self._torn

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Hold the lock, after whoever waits at the gate; signals are deferred already."""
        with self._gate:
            self._lock.acquire()
        try:
            yield
        finally:
            self._lock.release()

    def _refuse_the_writer(self) -> None:
        # Before it waits: at the gate there may be a reader that waits for this very thread.
        if self._writer == threading.get_ident():
            raise RuntimeError("the parameters are being written by this very thread")

    def _refuse_torn(self) -> None:
        if self._torn:
            raise RuntimeError(
                "this process was forked while another thread wrote the parameters, and has half "
                "of them old and half new; set all of them again, or load the model"
            )

    def _renew(self) -> None:
        # Reentrant, for a signal handler that reads while its own thread is in `read`.
        self._gate, self._lock = threading.RLock(), threading.RLock()

    def _after_fork(self) -> None:
        """Begin anew in a forked child, where the threads that held the lock do not exist."""
        self._renew()
        self._writer = None
        if self.sequence % 2:
            self.sequence += 1
            self._torn = True
