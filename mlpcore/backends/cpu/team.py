"""The worker threads of this process: hired when first needed, forgotten in a forked child."""

from __future__ import annotations

import atexit
import ctypes
import time
from typing import TYPE_CHECKING

from mlpcore.backends.forks import prepare_to_fork, renew_in_child
from mlpcore.kernels.cpu.team_memory import (
    HAS_THREADS,
    MOST_PARTICIPANTS,
    TEAM_BYTES,
    TeamWords,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlpcore.kernels.cpu.units import Kernels

__all__ = ["IDLE_SECONDS", "Team"]

IDLE_SECONDS = 200e-6
"""How long a worker without a job looks for the next one before it sleeps.

Waking a thread takes some 30 microseconds, so what comes at shorter intervals than a few times that
is better waited for; and a program that does something else loses no more than this.
"""

_ALIGNMENT = 128


class Team:
    """Threads that run kernels together with whichever thread calls; one team serves a process.

    Parameters
    ----------
    load : callable
        Returns the kernels of the unit ``team``; called when the first worker is hired.

    Attributes
    ----------
    address : int
        What the kernel ``team_run`` is given.  It stays the same while the process lives, and in
        its children, with or without workers.

    Notes
    -----
    A job is right with any number of workers, so nothing here ever waits for one, and having none
    is no error: not where the system gives no more threads, not when the interpreter exits, not
    while another thread is hiring.

    Before the process forks, its workers end, and are hired again when next needed.  They would not
    exist in the child anyway, and from 3.12 on Python warns whoever forks with threads.
    """

    def __init__(self, load: Callable[[], Kernels]) -> None:
        self._load = load
        self._kernels: Kernels | None = None
        # Never freed: a thread may still run a kernel when Python has cleared its modules.
        memory = ctypes.create_string_buffer(TEAM_BYTES + _ALIGNMENT)
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(memory))
        start = ctypes.addressof(memory)
        self.address = start + -start % _ALIGNMENT
        self._workers = ctypes.c_int64.from_address(self.address + 8 * TeamWords.WORKERS)
        self._most = MOST_PARTICIPANTS if HAS_THREADS else 1
        renew_in_child(self)
        prepare_to_fork(self)

    @property
    def workers(self) -> int:
        """How many workers there are now."""
        return self._workers.value

    def ready_for(self, participants: int) -> int:
        """Return `address`, after hiring so that `participants` threads can take part in a job."""
        if participants > self._workers.value + 1:
            self._hire(min(participants, self._most) - 1)
        return self.address

    def _hire(self, workers: int) -> None:
        if workers <= self._workers.value:
            return
        if self._kernels is None:
            self._kernels = self._load()
            atexit.register(self._close)
        # One call from the first step to the last, which no signal's handler can interrupt.
        idle_ns = round(IDLE_SECONDS * 1e9)
        hire = self._kernels.function("team_hire")
        found = hire(self.address, workers, idle_ns, time.CLOCK_MONOTONIC)
        if 0 <= found < workers:
            self._most = found + 1

    def _close(self) -> None:
        """Let the workers finish what they do, and wait until they have ended; hire no more."""
        self._most = 1
        if self._kernels is not None:
            self._kernels.function("team_dismiss")(self.address, 1)

    def _before_fork(self) -> None:
        if self._workers.value and self._kernels is not None:
            self._kernels.function("team_dismiss")(self.address, 0)

    def _after_fork(self) -> None:
        """Begin anew: another thread of the parent may have been in the middle of a job."""
        if self._kernels is not None:
            ctypes.memset(self.address, 0, TEAM_BYTES)
