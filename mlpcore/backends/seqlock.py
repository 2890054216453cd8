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
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

from mlpcore.backends.forks import renew_in_child
from mlpcore.signals import deferred_signals

T = TypeVar("T")

_TRIES = 3
"""How often a reader tries beside the writers before it makes them wait."""


class SequenceLock:
    """Guards arrays that many threads read and some write.

    Parameters
    ----------
    *written : callable
        Called in this order at the end of every write, while nobody can read yet.

    Attributes
    ----------
    sequence : int
        Even when nobody writes; each write adds two.  It stands for the state of the arrays.
    """

    def __init__(self, *written: Callable[[], None]) -> None:
        self.sequence = 0
        self._written = written
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

    def write(self) -> "Write":
        """Return a context: nobody else writes in it, and readers wait for its end or read again.

        Signals wait for it too.

        Raises
        ------
        RuntimeError
            When it is entered, if this thread is in the middle of a write already.
        """
        return Write(self)

    @property
    def torn(self) -> bool:
        """Whether the process was forked in the middle of a write, and nobody has written since."""
        return self._torn

    def _begin(self) -> None:
        """Take the lock, after whoever waits at the gate; signals are deferred already."""
        with self._gate:
            self._lock.acquire()
        self._writer = threading.get_ident()
        self.sequence += 1

    def _end(self) -> None:
        try:
            for note in self._written:
                note()
        finally:
            self.sequence += 1
            self._writer = None
            self._torn = False
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


class Write:
    """One write under a `SequenceLock`; nested generators would take nearly three times as long.

    Parameters
    ----------
    lock : SequenceLock
        The lock.
    """

    __slots__ = ("_deferred", "_lock")

    def __init__(self, lock: SequenceLock) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        self._lock._refuse_the_writer()
        self._deferred = deferred_signals()
        self._deferred.__enter__()
        try:
            self._lock._begin()
        except BaseException:
            self._deferred.__exit__(None, None, None)
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._lock._end()
        finally:
            self._deferred.__exit__(None, None, None)
