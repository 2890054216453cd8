"""How many threads the CPU backend uses where nobody says: as many as can really run at once.

More threads than the scheduler lets run are worse than useless: each wait for a worker that is
throttled lasts until the next period of its quota.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "VARIABLES",
    "affinity_count",
    "cgroup_quota",
    "default_num_threads",
    "threads_from_variable",
]

VARIABLES = ("NUMBA_NUM_THREADS", "MLPCORE_NUM_THREADS")
"""The environment variables that bound the number of threads."""


def default_num_threads(
    environ: Mapping[str, str] | None = None,
    *,
    cgroup_root: str | Path = "/sys/fs/cgroup",
    membership: str | Path = "/proc/self/cgroup",
) -> int:
    """Return the number of threads to use by default.

    It is the least of the CPUs in the affinity mask, the cgroup quota rounded up, and the
    environment variables ``NUMBA_NUM_THREADS`` and ``MLPCORE_NUM_THREADS``.

    Parameters
    ----------
    environ : mapping, optional
        The environment; by default that of this process.
    cgroup_root, membership : path
        As for `cgroup_quota`.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    ValueError
        If one of the variables is set to anything but a whole number from 1 up.
    """
    environ = os.environ if environ is None else environ
    bounds = [affinity_count(), cgroup_quota(cgroup_root, membership)]
    bounds += [threads_from_variable(name, environ) for name in VARIABLES]
    return min(bound for bound in bounds if bound is not None)


def affinity_count() -> int:
    """Return the number of CPUs that this process may run on, at least 1.

    Where the system has no affinity mask (macOS) that is every CPU.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_from_variable(name: str, environ: Mapping[str, str]) -> int | None:
    """Return the bound that an environment variable sets; None if it is unset or empty.

    Raises
    ------
    ValueError
        If the value is not a whole number from 1 up.
    """
    value = environ.get(name, "").strip()
    if not value:
        return None
    # Digits only: int() would also take "1_0" and "+2", and no machine has 10 ** 9 CPUs.
    if not (value.isascii() and value.isdigit() and len(value) <= 9 and int(value) >= 1):
        raise ValueError(f"{name} must be a whole number of threads from 1 up, got {value!r}")
    return int(value)


def cgroup_quota(
    root: str | Path = "/sys/fs/cgroup", membership: str | Path = "/proc/self/cgroup"
) -> int | None:
    """Return the CPUs that the cgroups of this process allow, rounded up; None if unlimited.

    A cgroup may use no more than each of its ancestors, so the least quota on the way to the
    root holds. Controllers may be of version 1 or 2, or some of each.

    Parameters
    ----------
    root : path
        Where the cgroup file systems are mounted.
    membership : path
        The file that lists the cgroups of this process.

    Returns
    -------
    int or None
        At least 1. A limit that cannot be read counts as none.

    Notes
    -----
    The formats are those of cgroups(7), of "Control Group v2" in the Linux kernel's
    documentation for ``cpu.max`` (quota and period in microseconds, or ``max``), and of "CFS
    Bandwidth Control" there for ``cpu.cfs_quota_us`` (-1 is no limit) and ``cpu.cfs_period_us``.
    """
    quotas = [
        quota
        for mount, path in _cpu_hierarchies(Path(root), Path(membership))
        for folder in _folders_to_root(mount, path)
        if (quota := _quota(folder)) is not None
    ]
    return min(quotas, default=None)


def _cpu_hierarchies(root: Path, membership: Path) -> Iterator[tuple[Path, PurePosixPath]]:
    """Give the mount and the path in it of each hierarchy that may bound the CPU time."""
    try:
        lines = membership.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            mounts = [root, root / "unified"]  # alone, and beside version 1
        elif "cpu" in controllers.split(","):
            mounts = [root / controllers, root / "cpu"]
        else:
            continue
        yield next((mount for mount in mounts if _is_mount(mount)), root), PurePosixPath(path)


def _is_mount(folder: Path) -> bool:
    # Each hierarchy has this file at every level; the tmpfs that holds version 1's mounts has not.
    return (folder / "cgroup.procs").exists()


def _folders_to_root(mount: Path, path: PurePosixPath) -> Iterator[Path]:
    """Give the folder of a cgroup and of each of its ancestors that can be seen.

    A container often sees its own cgroup as the mount's root while ``path`` is still the host's,
    so leading parts of the path are left off until a folder of that name exists. A path that
    leads outside (``/../other``) belongs to a cgroup that cannot be seen: the root alone counts.
    """
    parts = [part for part in path.parts if part != "/"]
    if ".." in parts:
        parts = []
    while parts and not mount.joinpath(*parts).is_dir():
        parts = parts[1:]
    for length in range(len(parts), -1, -1):
        yield mount.joinpath(*parts[:length])


def _quota(folder: Path) -> int | None:
    """Return the whole CPUs that one cgroup allows; None if it sets no limit."""
    fields = _read(folder / "cpu.max").split()
    if not fields:
        fields = [_read(folder / f"cpu.cfs_{field}_us").strip() for field in ("quota", "period")]
    try:
        quota, period = (int(field) for field in fields)
    except ValueError:  # "max", or a file that is not there
        return None
    return max(1, -(-quota // period)) if quota > 0 and period > 0 else None


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
