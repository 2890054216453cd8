"""Device memory: allocations in the host's memory, with their bounds kept."""

from __future__ import annotations

import ctypes
from bisect import bisect_right, insort

import numpy as np

from ..errors import DeviceMemoryError
from ..executor import Allocation
from .counters import Counters
from .current import CurrentDevice
from .emulates import emulates

_ALIGNMENT = 256
_GUARD = 256
#: New memory is filled with this byte, which reads as NaN in every floating type.
_FILL = 0xFF
_TOTAL_BYTES = 16 << 30
_HOST_TO_DEVICE, _DEVICE_TO_HOST, _DEVICE_TO_DEVICE, _DEFAULT = 1, 2, 3, 4
_UNREGISTERED, _HOST, _DEVICE = 0, 1, 2


class Memory:
    """The allocations of the device, and those of pinned host memory.

    Freed memory is given back at once, so that a kernel that still uses it is caught by the
    bounds check (unless another allocation has taken its place).
    """

    def __init__(self, counters: Counters, current: CurrentDevice) -> None:
        self.counters = counters
        self._current = current
        self._device: dict[int, tuple[int, np.ndarray]] = {}
        self._owner: dict[int, int] = {}
        """The number of the device that each address belongs to."""
        self._starts: list[int] = []
        self._pinned: dict[int, np.ndarray] = {}
        self._others: list[Allocation] = []
        self.version = 0
        """Changes whenever the set of allocations does."""

    @property
    def used_bytes(self) -> int:
        """Bytes allocated on the device."""
        return sum(size for size, _ in self._device.values())

    def add(self, allocation: Allocation) -> None:
        """Add memory that is not allocated here: the variables of a module."""
        self._others.append(allocation)
        self._owner[allocation.address] = self._current.index
        self.version += 1

    def remove(self, allocation: Allocation) -> None:
        """Forget what `add` added."""
        self._others.remove(allocation)
        self.version += 1

    def allocations(self) -> list[Allocation]:
        """Return all that a kernel on the current device may touch."""
        every = [Allocation(address, size) for address, (size, _) in self._device.items()]
        every += self._others
        return [a for a in every if self._owner[a.address] == self._current.index]

    def _contains(self, address: int, size: int) -> bool:
        position = bisect_right(self._starts, address) - 1
        if position >= 0:
            start = self._starts[position]
            if address + size <= start + self._device[start][0]:
                return True
        return any(
            a.address <= address and address + size <= a.address + a.size for a in self._others
        )

    def require(self, address: int, size: int, what: str) -> None:
        """Raise `DeviceMemoryError` unless the bytes lie inside one device allocation."""
        if size and not self._contains(address, size):
            raise DeviceMemoryError(
                f"{what}: {size} bytes at 0x{address:x} are not inside one device allocation"
            )

    def is_device(self, address: int) -> bool:
        """Whether an address lies in device memory."""
        return self._contains(address, 1)

    @emulates("runtime.malloc", "runtime.mallocAsync")
    def allocate(self, size: int, stream: int = 0) -> int:  # noqa: ARG002
        """Allocate device memory."""
        if size > _TOTAL_BYTES - self.used_bytes:
            raise MemoryError(f"{size} bytes do not fit on a device of {_TOTAL_BYTES}")
        block = np.full(size + _ALIGNMENT + _GUARD, _FILL, np.uint8)
        address = -(-block.ctypes.data // _ALIGNMENT) * _ALIGNMENT
        self._device[address] = (size, block)
        self._owner[address] = self._current.index
        insort(self._starts, address)
        self.counters.allocations += 1
        self.version += 1
        return address

    @emulates("runtime.free", "runtime.freeAsync")
    def release(self, address: int, stream: int = 0) -> None:  # noqa: ARG002
        """Free device memory."""
        if not address:
            return
        if address not in self._device:
            raise DeviceMemoryError(f"free of 0x{address:x}, which is not an allocation")
        del self._device[address]
        self._starts.remove(address)
        self.version += 1

    @emulates("runtime.hostAlloc")
    def allocate_pinned(self, size: int, flags: int) -> int:  # noqa: ARG002
        """Allocate pinned host memory."""
        block = np.zeros(max(size, 1), np.uint8)
        self._pinned[block.ctypes.data] = block
        return block.ctypes.data

    @emulates("runtime.freeHost")
    def release_pinned(self, address: int) -> None:
        """Free pinned host memory."""
        self._pinned.pop(address, None)

    def _is_pinned(self, address: int) -> bool:
        return any(s <= address < s + block.nbytes for s, block in self._pinned.items())

    @emulates("runtime.memcpy", "runtime.memcpyAsync")
    def copy(self, to: int, source: int, size: int, kind: int, stream: int = 0) -> None:  # noqa: ARG002
        """Copy; an asynchronous copy is done at once."""
        if kind == _DEFAULT:
            kind = (self.is_device(to) and 1) + 2 * (self.is_device(source) and 1)
        if kind in (_HOST_TO_DEVICE, _DEVICE_TO_DEVICE):
            self.require(to, size, "destination of a copy")
        if kind in (_DEVICE_TO_HOST, _DEVICE_TO_DEVICE):
            self.require(source, size, "source of a copy")
        self.counters.host_to_device += kind == _HOST_TO_DEVICE
        self.counters.device_to_host += kind == _DEVICE_TO_HOST
        self.counters.device_to_device += kind == _DEVICE_TO_DEVICE
        if kind in (_HOST_TO_DEVICE, _DEVICE_TO_HOST):
            host = source if kind == _HOST_TO_DEVICE else to
            self.counters.pageable += not self._is_pinned(host)
        ctypes.memmove(to, source, size)

    @emulates("runtime.memcpyPeer", "runtime.memcpyPeerAsync")
    def copy_peer(
        self, to: int, to_device: int, source: int, source_device: int, size: int, stream: int = 0
    ) -> None:
        """Copy between devices."""
        del to_device, source_device
        self.copy(to, source, size, _DEVICE_TO_DEVICE, stream)

    @emulates("runtime.memset", "runtime.memsetAsync")
    def fill(self, address: int, value: int, size: int, stream: int = 0) -> None:  # noqa: ARG002
        """Set every byte."""
        self.require(address, size, "memset")
        ctypes.memset(address, value, size)

    @emulates("runtime.memGetInfo")
    def information(self) -> tuple[int, int]:
        """Free and total bytes."""
        return _TOTAL_BYTES - self.used_bytes, _TOTAL_BYTES

    @emulates("runtime.pointerGetMemoryType")
    def memory_type(self, address: int) -> int:
        """Return which kind of memory an address points into."""
        if self.is_device(address):
            return _DEVICE
        return _HOST if self._is_pinned(address) else _UNREGISTERED

    def _device_of(self, address: int) -> int:
        """Return the number of the device that has an address."""
        position = bisect_right(self._starts, address) - 1
        return self._owner[self._starts[position]] if position >= 0 else 0

    @emulates("runtime.pointerGetAttributes")
    def attributes(self, address: int) -> object:
        """Return CuPy's record of an address."""
        from cupy_backends.cuda.api import runtime

        kind = self.memory_type(address)
        return runtime.PointerAttributes(
            self._device_of(address) if kind == _DEVICE else -1,
            address if kind == _DEVICE else 0,
            address if kind == _HOST else 0,
            kind,
        )
