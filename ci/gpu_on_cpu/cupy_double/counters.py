"""What a program asked of the device."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Counters:
    """Counts since the double was installed or `Device.reset_counters` was called.

    Attributes
    ----------
    launches : Counter
        Kernel launches by name.
    library_calls : Counter
        Calls of cuBLAS routines by name.
    host_to_device, device_to_host, device_to_device : int
        Copies.
    pageable : int
        Those of them from or to host memory that is not pinned, for which a GPU makes the
        processor wait whatever the stream.
    synchronisations : int
        Calls that wait for the device, a stream or an event.
    modules : int
        Modules that were loaded, each for a kernel or a few.
    allocations : int
        Device allocations; those that a memory pool answers from its stock do not reach the device.
    """

    launches: Counter[str] = field(default_factory=Counter)
    library_calls: Counter[str] = field(default_factory=Counter)
    host_to_device: int = 0
    device_to_host: int = 0
    device_to_device: int = 0
    pageable: int = 0
    synchronisations: int = 0
    modules: int = 0
    allocations: int = 0
