"""A CuPy that counts FAKE_GPUS devices, or fails with the CUDA error of FAKE_CUPY_STATUS."""

import os
from types import SimpleNamespace


class CUDARuntimeError(RuntimeError):
    def __init__(self, status):
        super().__init__(f"cudaError {status}")
        self.status = status


def device_count():
    if "FAKE_CUPY_STATUS" in os.environ:
        raise CUDARuntimeError(int(os.environ["FAKE_CUPY_STATUS"]))
    return int(os.environ["FAKE_GPUS"])


runtime = SimpleNamespace(getDeviceCount=device_count, runtimeGetVersion=lambda: 13020)
cuda = SimpleNamespace(runtime=runtime)
