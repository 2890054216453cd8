"""These tests need a CUDA device: a real one, or the double of ci/gpu_on_cpu.

``PYTHONPATH=ci MLPCORE_TEST_DEVICE=cuda pytest -p gpu_on_cpu.pytest_plugin tests/kernels/cuda``
runs them with the double, and without the plugin on a real device.
"""

import os

if not os.environ.get("MLPCORE_TEST_DEVICE", "").startswith("cuda"):
    collect_ignore_glob = ["test_*.py"]
