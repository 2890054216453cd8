"""The libraries that say there is a driver, found by name as the real ones would be."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ASK = """
import ctypes
from gpu_on_cpu.driver_stub import load_driver_stubs
load_driver_stubs()
version = ctypes.c_int()
assert ctypes.CDLL("libcuda.so.1").cuDriverGetVersion(ctypes.byref(version)) == 0
nvml = ctypes.CDLL("libnvidia-ml.so.1")
count, handle = ctypes.c_uint(), ctypes.c_void_p()
assert nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0, "before nvmlInit_v2"
assert nvml.nvmlInit_v2() == 0
assert nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) == 0
name, uuid = ctypes.create_string_buffer(96), ctypes.create_string_buffer(96)
names = []
for index in range(count.value):
    assert nvml.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)) == 0
    assert nvml.nvmlDeviceGetName(handle, name, 96) == 0
    assert nvml.nvmlDeviceGetUUID(handle, uuid, 96) == 0
    names.append((name.value.decode(), uuid.value.decode()))
assert nvml.nvmlDeviceGetHandleByIndex_v2(count.value, ctypes.byref(handle)) != 0
assert nvml.nvmlShutdown() == 0
print(version.value, count.value, names)
"""


def ask(**environment: str) -> str:
    folder = Path(__file__).parents[2] / "ci"
    answer = subprocess.run(
        [sys.executable, "-c", ASK],
        env={**os.environ, "PYTHONPATH": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_one_device_and_a_recent_driver_by_default():
    expected = "13050 1 [('gpu_on_cpu', 'GPU-00000000-0000-0000-0000-000000000000')]\n"
    assert ask() == expected


@pytest.mark.parametrize(("version", "count"), [(12040, 0), (13000, 2)])
def test_both_follow_the_environment(version, count):
    answer = ask(GPU_ON_CPU_DRIVER_VERSION=str(version), GPU_ON_CPU_DEVICE_COUNT=str(count))
    assert answer.startswith(f"{version} {count} [")
    assert answer.count("'gpu_on_cpu'") == count
