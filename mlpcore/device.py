"""Which device a model is made on: what was asked for, what is there, and if not, why not.

A request is ``"auto"``, ``"cpu"``, ``"cuda"`` (the first GPU) or ``"cuda:N"``. It comes from the
first of these that is given: the argument ``device=``, the innermost `use_device` context, the
last `set_device`, the environment variable ``MLPCORE_DEVICE``, and else it is ``"auto"``.

Asking whether a GPU is there initialises nothing, so a process that only asked may still fork.
``"cpu"`` asks nobody: it opens no library and imports no CuPy.
"""

from __future__ import annotations

import logging
import os
import platform
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from types import ModuleType

from mlpcore import _device_errors as problems
from mlpcore import _device_packages as packages
from mlpcore import _driver
from mlpcore._device_errors import Cause, DeviceUnavailableError, Problem
from mlpcore._device_request import CPU, FIRST_GPU, Device, request_for, set_device, use_device

__all__ = [
    "Cause",
    "Device",
    "DeviceInfo",
    "DeviceUnavailableError",
    "cupy_module",
    "devices",
    "prefer_gpu",
    "require_gpu",
    "resolve",
    "set_device",
    "use_device",
]

# driver_types.h, enum cudaError
_CUDA_INITIALIZATION_ERROR = 3
_CUDA_INSUFFICIENT_DRIVER = 35
_CUDA_NO_DEVICE = 100

_log = logging.getLogger("mlpcore")


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A device and whether it can be used.

    Parameters
    ----------
    device : Device
        Which one.
    available : bool
        Whether a model can be made on it.
    name : str
        The model of the processor or of the GPU.
    reason : str, optional
        Why it is not available, in one line; None if it is.
    """

    device: Device
    available: bool
    name: str
    reason: str | None = None


@dataclass(eq=False)
class _State:
    """What this process has done so far."""

    reason_logged: bool = False
    cuda_used: bool = False
    # How many devices CUDA showed when it started here; it never changes its mind after that.
    n_visible: int | None = None
    is_fork: bool = False
    forked_after_cuda: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


_state = _State()


def _after_fork_in_child() -> None:
    # Another thread of the parent may have held the lock, and is not here to release it.
    _state.lock = threading.Lock()
    _state.reason_logged = False
    _state.is_fork = True
    _state.forked_after_cuda = _state.forked_after_cuda or _state.cuda_used
    _state.cuda_used = False
    _state.n_visible = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def _reset(driver: _driver.Driver | None = None) -> None:
    """Forget all that this process did and found, as if just started; for tests.

    With ``driver`` that one is taken for real, and nobody is asked.
    """
    global _state
    _state = _State()
    set_device(None)
    _driver.believe(driver)


def resolve(device: str | Device | None = None) -> Device:
    """Return the device on which a model made now would be.

    Parameters
    ----------
    device : str, Device or None
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:N"`` or a `Device`; None asks, in this order,
        `use_device`, `set_device`, ``MLPCORE_DEVICE`` (empty counts as unset), and takes
        ``"auto"`` in the end.

    Returns
    -------
    Device
        For ``"auto"`` the first GPU if CUDA starts on it, else the CPU; the reason for the CPU
        is logged once a process, to the logger ``mlpcore`` at level INFO. For ``"cuda"`` the
        driver and the installed packages are looked at, and CUDA is not started.

    Raises
    ------
    DeviceUnavailableError
        If the device cannot be used; the attribute ``cause`` says why.
    TypeError
        If ``device`` is of another type.
    """
    request = request_for(device)
    if request.device is not None:
        problem = _obstacle(request.device)
        if problem is not None:
            raise problem.error(request.origin)
        return request.device
    # A model follows at once, so this is the time to find out whether CUDA really starts.
    found = _started_cupy(FIRST_GPU)
    if isinstance(found, Problem):
        _log_reason_for_cpu(found)
        return CPU
    return FIRST_GPU


def _log_reason_for_cpu(problem: Problem) -> None:
    with _state.lock:
        first, _state.reason_logged = not _state.reason_logged, True
    if first:
        _log.info("using the CPU: %s; for a GPU: %s", problem.why, problem.remedy)


def devices() -> tuple[DeviceInfo, ...]:
    """List the CPU and every GPU that CUDA shows this process, or one entry that says why none.

    CUDA is not started. CuPy is imported if everything that it needs is there, because an
    import that fails is one of the reasons to be told.

    Returns
    -------
    tuple of DeviceInfo
        The CPU first; then ``cuda:0`` and so on.
    """
    infos = [DeviceInfo(CPU, True, _cpu_name())]
    try:
        visible = _driver.visible_gpus(_driver.probe().gpus, os.environ.get("CUDA_VISIBLE_DEVICES"))
    except _driver.DriverMissingError:
        visible = None
    names = [gpu.name for gpu in visible or ()]
    # CUDA, once started, knows the count; otherwise one entry has to say why there is none.
    count = len(names) or 1 if _state.n_visible is None else _state.n_visible
    for index in range(count):
        device = Device("cuda", index)
        problem = _obstacle_to_import(device)
        name = names[index] if index < len(names) else "NVIDIA GPU"
        reason = None if problem is None else f"{problem.why}; {problem.remedy}"
        infos.append(DeviceInfo(device, problem is None, name, reason))
    return tuple(infos)


def prefer_gpu() -> bool:
    """Make models on the GPU from here on if there is one that can be used, else on the CPU.

    The choice holds for the process, as by `set_device`. CUDA is not started; CuPy is imported
    if there is a GPU. A GPU that is already asked for, say by ``MLPCORE_DEVICE=cuda:1``, is the
    one that is tried. The reason for the CPU is logged once a process.

    Returns
    -------
    bool
        Whether it is the GPU.
    """
    device = _wanted_gpu()
    problem = _obstacle_to_import(device)
    if problem is not None:
        _log_reason_for_cpu(problem)
    set_device(device if problem is None else CPU)
    return problem is None


def require_gpu() -> Device:
    """Return a GPU that can be used, or say why there is none.

    CUDA is not started; CuPy is imported if there is a GPU. A GPU that is already asked for, say
    by ``MLPCORE_DEVICE=cuda:1``, is the one that is tried. Nothing is set: pass the result as
    ``device=``, or to `set_device` or `use_device`.

    Returns
    -------
    Device
        A GPU.

    Raises
    ------
    DeviceUnavailableError
        If there is none; the attribute ``cause`` says why.
    """
    device = _wanted_gpu()
    problem = _obstacle_to_import(device)
    if problem is not None:
        raise problem.error("require_gpu()")
    return device


def cupy_module(device: Device) -> ModuleType:
    """Return CuPy, after CUDA has started and shown ``device``.

    This is the only place that imports CuPy. From here on this process counts as one that used
    CUDA: a child that it forks gets the cause ``FORKED`` for every GPU.

    Parameters
    ----------
    device : Device
        A GPU. It is not made CuPy's current device.

    Returns
    -------
    module
        The module ``cupy``.

    Raises
    ------
    ValueError
        If ``device`` is the CPU.
    DeviceUnavailableError
        If the device cannot be used; the attribute ``cause`` says why.
    """
    if device.kind != "cuda":
        raise ValueError(f"CuPy is for CUDA devices, got {device}")
    found = _started_cupy(device)
    if isinstance(found, Problem):
        raise found.error(str(device))
    return found


def _wanted_gpu() -> Device:
    device = request_for().device
    return FIRST_GPU if device is None or device.kind == "cpu" else device


def _obstacle(device: Device) -> Problem | None:
    """Return what stands in the way of ``device`` as far as can be told from outside CuPy."""
    if device.index is None:
        return None
    if _state.forked_after_cuda:
        return problems.forked()
    variable = os.environ.get("CUDA_VISIBLE_DEVICES")
    if _state.n_visible is not None:
        return problems.index_out_of_range(device.index, _state.n_visible, variable)
    try:
        driver = _driver.probe()
    except _driver.DriverMissingError as error:
        missing = error.curable and not packages.cupy_present()
        return problems.no_driver(error.why, error.remedy, error.details, cupy_missing=missing)
    visible = _driver.visible_gpus(driver.gpus, variable)
    if visible is not None and not visible:
        return problems.no_device(None if driver.gpus is None else len(driver.gpus), variable)
    return packages.cupy_obstacle(driver.cuda) or (
        None
        if visible is None
        else problems.index_out_of_range(device.index, len(visible), variable)
    )


def _imported_cupy() -> ModuleType | Problem:
    try:
        import cupy
    except Exception as error:  # a broken installation raises anything
        return problems.import_failed(error)
    module: ModuleType = cupy
    return module


def _obstacle_to_import(device: Device) -> Problem | None:
    found = _obstacle(device) or _imported_cupy()
    return found if isinstance(found, Problem) else None


def _started_cupy(device: Device) -> ModuleType | Problem:
    """Return CuPy with CUDA started and ``device`` seen, or what stands in the way."""
    problem = _obstacle(device)
    if problem is not None:
        return problem
    cupy = _imported_cupy()
    if isinstance(cupy, Problem) or _state.n_visible is not None:
        return cupy
    _state.cuda_used = True
    try:
        count = int(cupy.cuda.runtime.getDeviceCount())
    except Exception as error:  # of CuPy's own class, which cannot be named here
        _state.cuda_used = False
        return _start_problem(cupy, error)
    if count == 0:
        return problems.no_device(None, os.environ.get("CUDA_VISIBLE_DEVICES"))
    _state.n_visible = count
    # Until now the count may have been a guess, where neither NVML nor /proc could tell.
    return _obstacle(device) or cupy


def _start_problem(cupy: ModuleType, error: Exception) -> Problem:
    """Return what the error means with which CUDA refused to start."""
    status = getattr(error, "status", None)
    if status == _CUDA_INITIALIZATION_ERROR and _state.is_fork:
        # The parent used CUDA behind our back, through CuPy itself or another library.
        return problems.forked()
    if status == _CUDA_NO_DEVICE:
        return problems.no_device(None, os.environ.get("CUDA_VISIBLE_DEVICES"))
    if status == _CUDA_INSUFFICIENT_DRIVER:
        needed = int(cupy.cuda.runtime.runtimeGetVersion()) // 1000
        package = next(iter(packages.cupy_packages()), "cupy")
        problem = packages.major_obstacle(package, needed, _driver.probe().cuda)
        if problem is not None:
            return problem
    return problems.cuda_failed(error)


def _cpu_name() -> str:
    """Return the model of the processor as the system calls it."""
    if sys.platform == "linux":
        with suppress(OSError), open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    return platform.processor() or platform.machine() or "CPU"
