"""What the NVIDIA driver says, asked without initialising CUDA.

Only two questions go to the driver. ``cuDriverGetVersion`` of the driver library tells which
CUDA it supports, and is one of the few calls that work before ``cuInit``. Which GPUs there are
is asked of NVML, the management library that nvidia-smi uses, or read from ``/proc``. ``cuInit``
is never called: after it the process could not fork any more, and half a second would be gone.
"""

from __future__ import annotations

import ctypes
import re
import sys
from pathlib import Path
from typing import NamedTuple

__all__ = ["Driver", "DriverMissingError", "Gpu", "believe", "probe", "visible_gpus"]

_WINDOWS = sys.platform == "win32"
_CUDA_LIBRARY = "nvcuda.dll" if _WINDOWS else "libcuda.so.1"
_NVML_LIBRARY = "nvml.dll" if _WINDOWS else "libnvidia-ml.so.1"
_PROC_GPUS = Path("/proc/driver/nvidia/gpus")

# cuda.h
_CUDA_ERROR_STUB_LIBRARY = 34
# nvml.h
_NVML_DRIVER_NOT_LOADED = 9
_NVML_LIB_RM_VERSION_MISMATCH = 18
_NVML_NAME_BUFFER_SIZE = 96
_NVML_UUID_BUFFER_SIZE = 96


class Gpu(NamedTuple):
    """A GPU as NVML or ``/proc`` names it."""

    name: str
    uuid: str


class Driver(NamedTuple):
    """A driver that answers.

    Parameters
    ----------
    cuda : tuple of int
        The newest CUDA version that it supports, (major, minor).
    gpus : tuple of Gpu, or None
        The GPUs of the machine, before ``CUDA_VISIBLE_DEVICES``; None where nobody can tell.
    """

    cuda: tuple[int, int]
    gpus: tuple[Gpu, ...] | None


class DriverMissingError(Exception):
    """There is no driver that works: ``why`` and ``remedy`` are clauses of one line each.

    ``curable`` is False on a system for which no driver exists.
    """

    def __init__(self, why: str, remedy: str, details: str = "", *, curable: bool = True) -> None:
        super().__init__(why)
        self.why, self.remedy, self.details, self.curable = why, remedy, details, curable


_found: Driver | None = None


def probe() -> Driver:
    """Ask the driver, once: an answer is kept for the life of the process.

    A failure is not kept, so a driver that appears later, say because a container's hook was
    late, is found.

    Raises
    ------
    DriverMissingError
        If the driver library does not load, or says that it cannot work.
    """
    global _found
    if _found is None:
        # Two threads may both ask; they get the same answer, so no lock is needed.
        _found = Driver(_cuda_version(), _gpus())
    return _found


def believe(driver: Driver | None) -> None:
    """Take ``driver`` for the answer; None forgets the answer.  For tests and simulators."""
    global _found
    _found = driver


def _cuda_version() -> tuple[int, int]:
    if sys.platform == "darwin":
        raise DriverMissingError(
            "macOS has no NVIDIA driver, so there is no CUDA",
            "use the CPU on this machine",
            curable=False,
        )
    try:
        library = ctypes.CDLL(_CUDA_LIBRARY)
        query = library.cuDriverGetVersion
    except (OSError, AttributeError) as error:
        raise DriverMissingError(
            f"no NVIDIA driver was found ({_CUDA_LIBRARY} does not load)",
            "install the NVIDIA driver of your GPU",
            str(error),
        ) from error
    version = ctypes.c_int(0)
    status = query(ctypes.byref(version))
    if status == _CUDA_ERROR_STUB_LIBRARY:
        raise DriverMissingError(
            f"the {_CUDA_LIBRARY} that loads is the CUDA toolkit's stub, not a driver",
            "take the stubs folder off LD_LIBRARY_PATH and install the NVIDIA driver",
        )
    if status != 0 or version.value <= 0:
        raise DriverMissingError(
            f"the NVIDIA driver does not answer (cuDriverGetVersion returned {status})",
            "reinstall the NVIDIA driver",
        )
    # "1000 * major + 10 * minor": CUDA Driver API, Version Management.
    return version.value // 1000, version.value % 1000 // 10


def _gpus() -> tuple[Gpu, ...] | None:
    """Return the GPUs of the machine in PCI bus order, or None where nobody can tell.

    Boards without NVML and without ``/proc/driver/nvidia`` (Jetson) end in None.
    """
    try:
        nvml = ctypes.CDLL(_NVML_LIBRARY)
        status = nvml.nvmlInit_v2()
    except (OSError, AttributeError):
        return _proc_gpus()
    if status == _NVML_DRIVER_NOT_LOADED:
        raise DriverMissingError(
            "the NVIDIA driver's library is here but its kernel module is not loaded",
            "load it (nvidia-smi shows whether it is), or start the container with its GPUs "
            "(docker run --gpus all)",
        )
    if status == _NVML_LIB_RM_VERSION_MISMATCH:
        raise DriverMissingError(
            "the NVIDIA driver's library and its kernel module have different versions",
            "restart the machine: a driver update waits for it",
        )
    if status != 0:
        return _proc_gpus()
    try:
        return _nvml_gpus(nvml)
    except AttributeError:  # an NVML without one of these functions
        return _proc_gpus()
    finally:
        nvml.nvmlShutdown()


def _nvml_gpus(nvml: ctypes.CDLL) -> tuple[Gpu, ...] | None:
    count = ctypes.c_uint(0)
    if nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
        return _proc_gpus()
    gpus = []
    for index in range(count.value):
        handle = ctypes.c_void_p()
        name = ctypes.create_string_buffer(_NVML_NAME_BUFFER_SIZE)
        uuid = ctypes.create_string_buffer(_NVML_UUID_BUFFER_SIZE)
        # A GPU that this user may not open, or that has fallen off the bus, keeps its place
        # in the count but gets no handle, and CUDA does not see it either.
        if nvml.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(index), ctypes.byref(handle)) != 0:
            continue
        nvml.nvmlDeviceGetName(handle, name, ctypes.c_uint(len(name)))
        nvml.nvmlDeviceGetUUID(handle, uuid, ctypes.c_uint(len(uuid)))
        gpus.append(Gpu(_text(name.value) or "NVIDIA GPU", _text(uuid.value)))
    return tuple(gpus)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").strip()


def _proc_gpus(root: Path | None = None) -> tuple[Gpu, ...] | None:
    root = _PROC_GPUS if root is None else root
    try:
        folders = sorted(root.iterdir())
    except OSError:
        return None
    gpus = []
    for folder in folders:
        try:
            text = (folder / "information").read_text(errors="replace")
        except OSError:
            text = ""
        fields = {
            key.strip(): value.strip()
            for key, colon, value in (line.partition(":") for line in text.splitlines())
            if colon
        }
        gpus.append(Gpu(fields.get("Model") or "NVIDIA GPU", fields.get("GPU UUID", "")))
    return tuple(gpus)


def visible_gpus(
    gpus: tuple[Gpu, ...] | None, visible_devices: str | None
) -> tuple[Gpu, ...] | None:
    """Return the GPUs that CUDA would show this process, in its order.

    Parameters
    ----------
    gpus : tuple of Gpu, or None
        The GPUs of the machine; None if they are unknown.
    visible_devices : str or None
        The value of ``CUDA_VISIBLE_DEVICES``; None if it is unset.

    Returns
    -------
    tuple of Gpu, or None
        None if it cannot be told, which is never so when the variable hides everything.

    Notes
    -----
    The rules are those of the CUDA Programming Guide, "CUDA Environment Variables": indices and
    unique prefixes of UUIDs, separated by commas, and the first invalid entry ends the list; an
    empty value hides all. An entry that names a MIG slice gives one device and ends the list, as
    CUDA shows a process one slice. A device named twice makes CUDA show none. Whether CUDA
    numbers by PCI bus or by speed (``CUDA_DEVICE_ORDER``) changes names here, never the count.
    """
    if visible_devices is None:
        return gpus
    chosen: list[int] = []
    for entry in visible_devices.split(","):
        entry = entry.strip()
        if entry.startswith("MIG-"):
            before = [] if gpus is None else [gpus[index] for index in chosen]
            return (*before, Gpu("MIG slice", entry))
        digits = re.match(r"\+?([0-9]+)", entry)
        if digits is None and not entry.startswith("GPU-"):
            break
        if gpus is None:
            return None
        if digits is not None:
            # Nine digits are more than any machine has GPUs, and always fit an int.
            matching = [index for index in range(len(gpus)) if index == int(digits[1][:9])]
        else:
            matching = [index for index, gpu in enumerate(gpus) if gpu.uuid.startswith(entry)]
        if len(matching) != 1:
            break
        if matching[0] in chosen:
            return ()
        chosen += matching
    return () if gpus is None else tuple(gpus[index] for index in chosen)
