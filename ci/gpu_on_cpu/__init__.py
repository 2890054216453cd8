"""Run CUDA programs written with CuPy on a machine that has no GPU.

CuPy is the real one, and so are NVRTC and the PTX that it makes; the PTX is translated to C++ and
executed on the CPU.  See README.md for what that proves and what it does not.

    import gpu_on_cpu
    device = gpu_on_cpu.install()      # before the first import of cupy
    import cupy
"""

from .arrays import run_ptx
from .cupy_double.install import install, installed_device
from .errors import (
    BuildError,
    CaptureError,
    DeviceMemoryError,
    GpuOnCpuError,
    KernelFault,
    LaunchError,
    PTXSyntaxError,
    UnsupportedPTXError,
)
from .executor import LoadedModule, load_ptx
from .settings import Check, Order

__all__ = [
    "BuildError",
    "CaptureError",
    "Check",
    "DeviceMemoryError",
    "GpuOnCpuError",
    "KernelFault",
    "LaunchError",
    "LoadedModule",
    "Order",
    "PTXSyntaxError",
    "UnsupportedPTXError",
    "install",
    "installed_device",
    "load_ptx",
    "run_ptx",
]
