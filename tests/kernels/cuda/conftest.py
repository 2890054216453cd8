"""Tests of kernels need a CUDA device: a real one, or the double of ci/gpu_on_cpu.

``PYTHONPATH=ci MLPCORE_TEST_DEVICE=cuda pytest -p gpu_on_cpu.pytest_plugin tests/kernels/cuda``
runs them with the double, and without the plugin on a real device.  The formulas are also plain
Python, and tested as such anywhere.
"""

import os
import sys
from pathlib import Path

import pytest

if not os.environ.get("MLPCORE_TEST_DEVICE", "").startswith("cuda"):
    here = Path(__file__).parent
    collect_ignore = [p.name for p in here.glob("test_*.py") if p.name != "test_formulas.py"]


@pytest.fixture(autouse=True, scope="session")
def _kernels_are_kept():
    """What one process of the tests has compiled, the others find on disk."""
    if os.environ.get("MLPCORE_TEST_DEVICE", "").startswith("cuda"):
        from mlpcore.backends.cuda.kernel_cache import default_kernel_cache
        from mlpcore.kernels.cuda.kept import keep_with

        keep_with(default_kernel_cache())


@pytest.fixture
def double():
    """The device of ci/gpu_on_cpu, for tests that need its counters, orders and checks."""
    plugin = sys.modules.get("gpu_on_cpu")
    device = plugin.installed_device() if plugin is not None else None
    if device is None:
        pytest.skip("needs the double of ci/gpu_on_cpu")
    device.reset_counters()
    return device
