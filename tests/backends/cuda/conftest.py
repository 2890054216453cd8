"""Tests of the backend for CUDA need a device: a real one, or the double of ci/gpu_on_cpu.

``PYTHONPATH=ci MLPCORE_TEST_DEVICE=cuda pytest -p gpu_on_cpu.pytest_plugin tests/backends/cuda``
runs them with the double.
"""

import os
import sys

import pytest

if not os.environ.get("MLPCORE_TEST_DEVICE", "").startswith("cuda"):
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture
def double():
    """The device of ci/gpu_on_cpu, with its counters at zero."""
    plugin = sys.modules.get("gpu_on_cpu")
    device = plugin.installed_device() if plugin is not None else None
    if device is None:
        pytest.skip("needs the double of ci/gpu_on_cpu")
    device.reset_counters()
    return device


@pytest.fixture
def asked(double):
    """Return a function that calls another and tells what that asked of the device.

    It is called twice before, so that kernels are compiled and memory lies in the pool.
    """

    def asked(work):
        work()
        work()
        double.reset_counters()
        work()
        found = double.counters
        launches = sum(found.launches.values()) + sum(found.library_calls.values())
        copies = found.host_to_device, found.device_to_host, found.device_to_device
        return launches, copies, found.synchronisations

    return asked
