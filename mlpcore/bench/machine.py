"""The machine and the libraries that a report speaks of."""

import os
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import import_module, metadata
from typing import Any

import numpy as np

from mlpcore.backends.cpu.threads import affinity_count, cgroup_quota
from mlpcore.device import devices


def describe(distributions: Iterable[str] = ()) -> dict[str, Any]:
    """Return what the header of a report says of the machine.

    Parameters
    ----------
    distributions : iterable of str
        The installed packages whose versions are of interest besides Python's and NumPy's.

    Returns
    -------
    dict
        ``processor``, ``cores`` (of the machine), ``affinity`` (those this process may use),
        ``quota`` (CPUs that cgroups allow, rounded up, or None), ``instruction_sets`` (as NumPy
        found them), ``gpu`` (names, or None), ``system``, ``versions``, ``blas`` (NumPy's, with its
        threads if threadpoolctl is installed, else None) and ``date`` (UTC, ISO 8601).
    """
    cpu, *others = devices()
    return {
        "processor": cpu.name,
        "cores": os.cpu_count(),
        "affinity": affinity_count(),
        "quota": cgroup_quota(),
        "instruction_sets": _instruction_sets(),
        "gpu": [info.name for info in others if info.available] or None,
        "system": platform.platform(),
        "versions": _versions(["numpy", "numba", *distributions]),
        "blas": _blas(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _versions(distributions: Iterable[str]) -> dict[str, str | None]:
    found: dict[str, str | None] = {
        "python": platform.python_version(),
        "mlpcore": import_module("mlpcore").__version__,  # also in a checkout nobody installed
    }
    for name in distributions:
        if name in found:
            continue
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


def _configuration(section: str) -> Any:
    """Return a section of NumPy's description of its own build."""
    config: Any = np.show_config(mode="dicts")
    return config.get(section, {})


def _instruction_sets() -> list[str]:
    simd = _configuration("SIMD Extensions")
    return [*simd.get("baseline", []), *simd.get("found", [])]


def _blas() -> dict[str, Any]:
    blas = _configuration("Build Dependencies").get("blas", {})
    return {"name": blas.get("name"), "version": blas.get("version"), "threads": _blas_threads()}


def _blas_threads() -> int | None:
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return None
    counts = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    return max(counts, default=None)
