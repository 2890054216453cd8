"""The backend of each device, made once."""

from functools import cache

from mlpcore.backends.base import Backend
from mlpcore.device import Device
from mlpcore.lazy_imports import importing


@cache
def backend(device: Device) -> Backend:
    """Return the backend of `device`.

    Raises
    ------
    DeviceUnavailableError
        If `device` is a GPU that CuPy cannot use.
    """
    if device.kind == "cuda":
        with importing():  # CuPy's world, only when asked
            from mlpcore.backends.cuda.backend import CUDABackend

        return CUDABackend(device)
    with importing():
        from mlpcore.backends.cpu.backend import CPUBackend

    return CPUBackend(device)
