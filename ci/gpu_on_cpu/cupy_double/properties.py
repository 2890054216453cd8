"""What the device says about itself.

The figures that kernels depend on are those of compute capability 9.0; the number of
multiprocessors is small, because CuPy sizes some grids by it.
"""

from __future__ import annotations

from ..driver_stub import DEVICE_NAME, driver_version
from ..executor import MOST_BLOCK, MOST_GRID, MOST_SHARED_BYTES, MOST_THREADS
from .current import CurrentDevice
from .emulates import emulates

_RUNTIME_VERSION = 13020
_MULTIPROCESSORS = 4
_SHARED_BY_DEFAULT = 48 * 1024


class Properties:
    """The devices, which are all alike, their attributes and their contexts.

    Parameters
    ----------
    compute_capability : tuple of int
        For which NVRTC compiles.
    current : CurrentDevice
        Which of them is meant.
    """

    def __init__(self, compute_capability: tuple[int, int], current: CurrentDevice) -> None:
        self._current = current
        major, minor = compute_capability
        #: Keys are the numbers of ``cudaDeviceAttr``.
        self._attributes = {
            1: MOST_THREADS,
            **{2 + axis: extent for axis, extent in enumerate(MOST_BLOCK)},
            **{5 + axis: extent for axis, extent in enumerate(MOST_GRID)},
            8: _SHARED_BY_DEFAULT,
            9: 64 * 1024,  # constant memory
            10: 32,  # lanes of a warp
            12: 64 * 1024,  # registers of a block
            13: 1_000_000,  # clock, kHz
            16: _MULTIPROCESSORS,
            39: 2048,  # threads of a multiprocessor
            75: major,
            76: minor,
            81: 228 * 1024,  # shared memory of a multiprocessor
            82: 64 * 1024,  # registers of a multiprocessor
            95: 0,  # cooperative launch
            97: MOST_SHARED_BYTES,
            115: 0,  # memory pools
        }

    @emulates("runtime.getDevice", "driver.ctxGetDevice")
    def device(self) -> int:
        """Return the current device."""
        return self._current.index

    @emulates("runtime.getDeviceCount")
    def count(self) -> int:
        """Return how many devices there are."""
        return self._current.count

    @emulates("runtime.setDevice")
    def set_device(self, device: int) -> None:
        """Choose a device."""
        self._current.choose(device)

    @emulates("runtime.deviceGetAttribute")
    def attribute(self, attribute: int, device: int) -> int:  # noqa: ARG002
        """Return an attribute by its number."""
        if attribute not in self._attributes:
            raise NotImplementedError(f"gpu_on_cpu has no device attribute {attribute}")
        return self._attributes[attribute]

    @emulates("runtime.getDeviceProperties")
    def properties(self, device: int) -> dict[str, object]:  # noqa: ARG002
        """Return what CuPy shows as a dictionary."""
        known = self._attributes
        return {
            "name": DEVICE_NAME.encode(),
            "major": known[75],
            "minor": known[76],
            "multiProcessorCount": known[16],
            "maxThreadsPerBlock": known[1],
            "maxThreadsDim": MOST_BLOCK,
            "maxGridSize": MOST_GRID,
            "maxThreadsPerMultiProcessor": known[39],
            "warpSize": known[10],
            "sharedMemPerBlock": known[8],
            "sharedMemPerBlockOptin": known[97],
            "sharedMemPerMultiprocessor": known[81],
            "regsPerBlock": known[12],
            "regsPerMultiprocessor": known[82],
            "totalConstMem": known[9],
            "totalGlobalMem": 16 << 30,
            "clockRate": known[13],
        }

    @emulates("runtime.deviceGetPCIBusId")
    def bus_id(self, device: int) -> str:
        """Return an address on the bus."""
        return f"0000:{device:02x}:00.0"

    @emulates("runtime.deviceCanAccessPeer")
    def can_access_peer(self, device: int, peer: int) -> int:  # noqa: ARG002
        """Ask whether devices see one another's memory; they do not."""
        return 0

    @emulates("runtime.driverGetVersion")
    def driver_version(self) -> int:
        """Return the version that the driver stub tells too."""
        return driver_version()

    @emulates("runtime.runtimeGetVersion")
    def runtime_version(self) -> int:
        """Return the version of the CUDA runtime."""
        return _RUNTIME_VERSION

    @emulates("driver.ctxGetCurrent", "driver.streamGetCtx")
    def context(self, stream: int = 0) -> int:  # noqa: ARG002
        """Return the handle of the context of the current device."""
        return 1 + self._current.index

    @emulates(
        "driver.ctxSetCurrent",
        "runtime._ensure_context",
        "runtime.profilerStart",
        "runtime.profilerStop",
    )
    def nothing(self, context: int = 0) -> None:
        """Do nothing."""
