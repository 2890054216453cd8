"""Stand-ins for the driver's libraries, for programs that ask whether a driver is there.

``libcuda.so.1`` and ``libnvidia-ml.so.1`` are built with those sonames and loaded into the process;
the dynamic linker then answers a later ``dlopen("libcuda.so.1")`` with the library already loaded.

Environment
-----------
GPU_ON_CPU_DRIVER_VERSION
    What ``cuDriverGetVersion`` answers; 13050 by default.
GPU_ON_CPU_DEVICE_COUNT
    What ``nvmlDeviceGetCount_v2`` answers, and how many devices the double has; 1 by default.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

from ..compiler import build_plain
from ..errors import GpuOnCpuError

DEVICE_NAME = "gpu_on_cpu"
_SONAMES = {"cuda.cpp": "libcuda.so.1", "nvml.cpp": "libnvidia-ml.so.1"}
_loaded: dict[str, ctypes.CDLL] = {}


def load_driver_stubs() -> None:
    """Build the stand-ins if need be and load them.

    Raises
    ------
    GpuOnCpuError
        If a real driver library has been loaded into this process before.
    """
    for file, soname in _SONAMES.items():
        if soname in _loaded:
            continue
        text = (Path(__file__).parent / file).read_text()
        path = build_plain(soname.split(".")[0], {file: text}, (f"-Wl,-soname,{soname}",))
        _loaded[soname] = ctypes.CDLL(str(path), ctypes.RTLD_GLOBAL)
        if ctypes.CDLL(soname)._handle != _loaded[soname]._handle:
            raise GpuOnCpuError(f"a real {soname} is loaded already; install the double earlier")


def driver_version() -> int:
    """Return the version that the stand-in tells."""
    load_driver_stubs()
    version = ctypes.c_int()
    _loaded["libcuda.so.1"].cuDriverGetVersion(ctypes.byref(version))
    return version.value
