"""These tests import CuPy, so they are collected only where the double is in place.

test_with_cupy.py runs them in a process of its own; directly they run with
``PYTHONPATH=ci pytest -p gpu_on_cpu.pytest_plugin tests/gpu_on_cpu/with_cupy``.
"""

import sys

_plugin = sys.modules.get("gpu_on_cpu")
if _plugin is None or _plugin.installed_device() is None:
    collect_ignore_glob = ["test_*.py"]
