"""Which CuPy is installed, and whether a driver can work with it; CuPy is not imported for that."""

from __future__ import annotations

import importlib.util
import re
from typing import TYPE_CHECKING

from mlpcore import _device_errors as problems

if TYPE_CHECKING:
    from mlpcore._device_errors import Problem

_CUPY_PACKAGES = ("cupy", "cupy-cuda11x", "cupy-cuda12x", "cupy-cuda13x")


def cupy_obstacle(driver: tuple[int, int]) -> Problem | None:
    """Return why the installed CuPy, if any, cannot work with a driver for this CUDA version."""
    if not cupy_present():
        if driver[0] < problems.OLDEST_CUDA:
            return problems.driver_too_old(driver, problems.OLDEST_CUDA)
        return problems.cupy_not_installed(driver)
    packages = cupy_packages()
    if len(packages) > 1:
        return problems.two_cupys(packages, driver)
    # The plain name says nothing of its CUDA (conda, a build from source): CuPy itself will.
    majors = [int(digits) for name in packages for digits in re.findall(r"-cuda(\d+)x", name)]
    return major_obstacle(packages[0], majors[0], driver) if majors else None


def major_obstacle(package: str, major: int, driver: tuple[int, int]) -> Problem | None:
    """Return why a CuPy for CUDA `major` cannot work with such a driver, or None if it can."""
    if major <= driver[0]:
        return None
    if driver[0] < problems.OLDEST_CUDA:
        return problems.driver_too_old(driver, problems.OLDEST_CUDA)
    return problems.major_mismatch(package, major, driver)


def cupy_present() -> bool:
    """Return whether ``import cupy`` would find something; nothing is imported."""
    try:
        spec = importlib.util.find_spec("cupy")
    except ValueError:  # imported already, by someone who left it without a spec
        return True
    # A folder that an uninstallation left behind is a namespace package: it has no origin.
    return spec is not None and spec.origin is not None


def cupy_packages() -> tuple[str, ...]:
    """Return the names of the installed CuPy packages, none if something else brought CuPy."""
    # Imported here because it takes longer than all the rest of this module.
    from importlib import metadata

    found = []
    for name in _CUPY_PACKAGES:
        try:
            metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        found.append(name)
    return tuple(found)
