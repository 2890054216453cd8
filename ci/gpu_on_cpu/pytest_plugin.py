"""Run tests with the double in place: ``PYTHONPATH=ci pytest -p gpu_on_cpu.pytest_plugin``.

It is installed before conftest files are read, and so before any test imports CuPy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from . import Check, Order, install, installed_device

if TYPE_CHECKING:
    from .cupy_double import Device


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of `install`."""
    group = parser.getgroup("gpu_on_cpu")
    group.addoption(
        "--gpu-check", type=int, default=int(Check.ALL), help="checks while kernels run"
    )
    group.addoption("--gpu-order", default="forward", choices=[o.name.lower() for o in Order])
    group.addoption("--gpu-seed", type=int, default=0, help="of the random order")
    group.addoption(
        "--gpu-fixture",
        metavar="NAME",
        help="outside of folders called cuda and gpu_on_cpu, run only what uses this fixture",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Install the double."""
    given = early_config.known_args_namespace
    install(given.gpu_check, given.gpu_order, given.gpu_seed)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what asks for no device and is the same without one."""
    fixture = config.getoption("--gpu-fixture")
    if fixture is None:
        return
    wanted, left = [], []
    for item in items:
        folders = item.path.relative_to(config.rootpath).parts
        ours = "cuda" in folders or "gpu_on_cpu" in folders
        asks = fixture in getattr(item, "fixturenames", ())
        (wanted if ours or asks else left).append(item)
    config.hook.pytest_deselected(items=left)
    items[:] = wanted


def pytest_report_header() -> str:
    """Say where the kernels run."""
    return "gpu_on_cpu: CUDA kernels are executed as PTX on a CPU"


@pytest.fixture
def gpu_device() -> Device:
    """Return the double, with its counters at zero."""
    double = installed_device()
    assert double is not None
    double.reset_counters()
    return double
