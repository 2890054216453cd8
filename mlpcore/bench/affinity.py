"""The CPUs that a measurement may run on.

The cores of a machine that others share differ from one moment to the next, and a thread that moves
between them is measured on both.  One thread therefore stays on one CPU, which also holds libraries
to one thread that have no other limit.
"""

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager


def available() -> frozenset[int] | None:
    """Return the CPUs this process may run on, or None where the system does not tell (macOS)."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    return frozenset(os.sched_getaffinity(0))


def choose(wanted: str, threads: int) -> frozenset[int] | None:
    """Return the CPUs that `wanted` means, or None for all there are.

    Parameters
    ----------
    wanted : str
        ``"auto"``: the last CPU for one thread, and all of them for more; ``"none"``: all of them;
        or numbers of CPUs such as ``"0,2"``.
    threads : int
        How many threads are measured.

    Raises
    ------
    ValueError
        If `wanted` is something else, or names a CPU that this process may not use.
    """
    cpus = available()
    if wanted == "none" or (wanted == "auto" and (cpus is None or threads > 1)):
        return None
    if cpus is None:
        raise ValueError("this system cannot pin a process to CPUs")
    if wanted == "auto":
        return frozenset({max(cpus)})
    names = wanted.split(",")
    if not all(name.isascii() and name.isdigit() and len(name) < 6 for name in names):
        raise ValueError(f"expected auto, none or numbers of CPUs such as 0,2, got {wanted!r}")
    asked = frozenset(map(int, names))
    if not asked <= cpus:
        known = ", ".join(map(str, sorted(cpus)))
        raise ValueError(f"no CPU {min(asked - cpus)} here; this process may use {known}")
    return asked


@contextmanager
def pinned(cpus: Collection[int] | None) -> Iterator[None]:
    """Run this thread, and the processes it starts, on `cpus` only; None changes nothing."""
    if cpus is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
