"""The real CuPy on a CPU: its C function tables lead to a `Device` that is emulated."""

from .counters import Counters
from .device import Device
from .install import install

__all__ = ["Counters", "Device", "install"]
