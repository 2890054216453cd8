"""Waiting until the threads of other libraries have stopped looking for work.

Workers of OpenMP, OpenBLAS and others go on spinning after a call, ready for the next one: some
milliseconds, or with OpenBLAS more than a hundred.  That helps whoever calls again at once, and
takes a core from whoever comes next.

The calling thread does not sleep meanwhile: a virtual processor that has nothing to do is given
away, and whoever has the next turn would wait until it comes back.
"""

import os
import sys
import threading
import time

_PAUSE_S, _LONGEST_S = 0.0005, 0.3
_BUSY = 0.2
"""Of a pause, in processor time: less may come from two clocks that are read in turn."""

_TASKS = "/proc/self/task"


def wait_until_quiet() -> bool:
    """Wait until no other thread of this process uses processor time, 0.3 s at most.

    Returns
    -------
    bool
        Whether they came to rest.
    """
    start = time.perf_counter()
    while True:
        used, began = _used_by_others(), time.perf_counter()
        while (now := time.perf_counter()) - began < _PAUSE_S:
            time.sleep(0)  # the interpreter's lock is free for whoever waits for it
        if _used_by_others() - used < _BUSY * (now - began) and not _others_run():
            return True
        if now - start > _LONGEST_S:
            return False


def _used_by_others() -> float:
    """Return the processor time, in seconds, that other threads of this process have used."""
    return time.process_time() - time.thread_time()


def _others_run() -> bool:
    """Return whether another thread of this process runs or could; False if it cannot be known.

    The processor time of a thread that spins on another core is brought up to date at the ticks of
    that core's clock only, up to 10 ms apart: within a shorter pause it seems to use none.
    """
    if sys.platform != "linux":
        return False
    own = str(threading.get_native_id())
    return any(_state(thread) == "R" for thread in os.listdir(_TASKS) if thread != own)


def _state(thread: str) -> str:
    """Return the letter of the state of a thread: the third field, after a name in parentheses."""
    try:
        with open(f"{_TASKS}/{thread}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:  # it has ended
        return ""
