"""Print the CUDA major version that the driver is for, 12 or 13; or say why there is no GPU.

    python ci/gpu_present.py

Ends with 2 where there is none.  Asks the driver's library alone, so nothing has to be installed.
"""

import ctypes
import sys

OLDEST, NEWEST = 12, 13


def main():
    """Return the exit code."""
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        cuda = ctypes.CDLL(name)
    except OSError:
        return none(f"there is no NVIDIA driver ({name} does not load)")
    version, count = ctypes.c_int(), ctypes.c_int()
    status = cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count))
    if status or count.value == 0:
        return none(f"the driver shows no device (CUDA error {status})")
    cuda.cuDriverGetVersion(ctypes.byref(version))
    major = version.value // 1000
    if major < OLDEST:
        return none(f"the driver is for CUDA {major}, which is too old: at least {OLDEST}")
    print(min(major, NEWEST))
    return 0


def none(why):
    """Say why, and return the exit code."""
    print(
        f"ci/gpu: no usable GPU here: {why}.  It needs a machine with an NVIDIA GPU; ci/gpu-on-cpu "
        "runs the same code executed as PTX on a CPU.",
        file=sys.stderr,
    )
    return 2


if __name__ == "__main__":
    sys.exit(main())
