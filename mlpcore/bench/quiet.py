"""Waiting until the threads of other libraries have stopped looking for work.

Workers of OpenMP, OpenBLAS and others go on spinning for some milliseconds after a call, ready for
the next one.  That helps whoever calls again at once, and takes a core from whoever comes next.
"""

import time

_PAUSE_S, _LONGEST_S = 0.0005, 0.3
_BUSY = 0.2
"""Of a pause, in processor time: the sleep itself costs less."""


def wait_until_quiet() -> bool:
    """Sleep until this process uses no processor time while it sleeps, 0.3 s at most.

    Returns
    -------
    bool
        Whether it came to rest.
    """
    start = time.perf_counter()
    while True:
        used, began = time.process_time(), time.perf_counter()
        time.sleep(_PAUSE_S)
        now = time.perf_counter()
        if time.process_time() - used < _BUSY * (now - began):
            return True
        if now - start > _LONGEST_S:
            return False
