"""Why a GPU cannot be used: each cause once, as an error and as the words that explain it.

The public home of `Cause` and `DeviceUnavailableError` is `mlpcore.device`.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

__all__ = [
    "CONDA_LINE",
    "OLDEST_CUDA",
    "Cause",
    "DeviceUnavailableError",
    "Problem",
    "cuda_failed",
    "cupy_not_installed",
    "driver_too_old",
    "forked",
    "import_failed",
    "index_out_of_range",
    "major_mismatch",
    "no_device",
    "no_driver",
    "pip_line",
    "two_cupys",
    "unknown_value",
]

OLDEST_CUDA = 12
"""The oldest CUDA major for which this package has an extra (``mlpcore[cuda12]``)."""

_NEWEST_CUDA = 13

# The first Linux driver of each CUDA major: NVIDIA, "CUDA Compatibility", table 1 of the page
# "Minor Version Compatibility" (CUDA 12.x needs 525 or newer, CUDA 13.x needs 580 or newer).
_FIRST_DRIVER = {12: 525, 13: 580}

CONDA_LINE = "conda install -c conda-forge cupy"


class Cause(enum.Enum):
    """What stands between a request and the device that it names.

    Every `DeviceUnavailableError` carries exactly one, as its attribute ``cause``.
    """

    CUPY_NOT_INSTALLED = "CuPy is not installed"
    NO_DRIVER = "no working NVIDIA driver"
    NO_DEVICE = "no CUDA device is visible"
    DRIVER_TOO_OLD = "the driver is too old for CuPy"
    CUDA_MAJOR_MISMATCH = "CuPy is built for another CUDA major"
    CUPY_IMPORT_FAILED = "CuPy is installed but does not import"
    CUDA_FAILED = "CUDA does not start"
    INDEX_OUT_OF_RANGE = "there is no device with this index"
    FORKED = "the process was forked after CUDA was used"
    UNKNOWN_VALUE = "not the name of a device"


class DeviceUnavailableError(RuntimeError):
    """The requested device does not exist or cannot be used.

    The first line of the message stands alone: it says who asked, why it cannot be, and what to
    do. Lines after it add detail.

    Parameters
    ----------
    message : str
        The whole message.
    cause : Cause
        What is wrong.

    Attributes
    ----------
    cause : Cause
        What is wrong, to branch on in a program.
    headline : str
        The first line of the message.
    """

    def __init__(self, message: str, cause: Cause) -> None:
        super().__init__(message)
        self.cause = cause

    @property
    def headline(self) -> str:
        """The first line of the message, for a place that has room for only one."""
        return str(self).partition("\n")[0]

    def __reduce__(self) -> tuple[type[DeviceUnavailableError], tuple[str, Cause]]:
        # BaseException would rebuild it from its message alone; errors of worker processes
        # travel by pickle and must arrive whole.
        return type(self), (str(self), self.cause)


class Problem(NamedTuple):
    """A cause in words, before it is known who asked.

    Parameters
    ----------
    cause : Cause
        What is wrong.
    why, remedy : str
        One clause each, on one line: what was found, and what to do about it.
    details : str
        Any number of further lines.
    original : BaseException, optional
        The error that revealed the problem.
    """

    cause: Cause
    why: str
    remedy: str
    details: str = ""
    original: BaseException | None = None

    def error(self, origin: str) -> DeviceUnavailableError:
        """Return the error to raise when ``origin``, such as ``MLPCORE_DEVICE=cuda``, asked."""
        # What an exotic value or an original error brings along must not break the line.
        lines = [" ".join(f"{origin}: {self.why}; {self.remedy}".splitlines())]
        if self.details:
            lines.append(self.details)
        if self.cause is not Cause.UNKNOWN_VALUE:
            lines.append("The CPU is always there: MLPCORE_DEVICE=cpu, or device='cpu'.")
        error = DeviceUnavailableError("\n".join(lines), self.cause)
        error.__cause__ = self.original
        return error


def pip_line(driver_cuda: tuple[int, int] | None) -> str:
    """Return the pip command for a driver that supports CUDA ``(major, minor)``, or for a new one.

    A driver runs programs built for its own CUDA major and for every older one, so the newest
    extra that the driver can run is the one to install.
    """
    major = _NEWEST_CUDA if driver_cuda is None else min(driver_cuda[0], _NEWEST_CUDA)
    return f"pip install 'mlpcore[cuda{max(major, OLDEST_CUDA)}]'"


def unknown_value(text: str, choices: str) -> Problem:
    """``text`` is not one of ``choices``."""
    hint = " (a GPU is cuda)" if "gpu" in text.lower() else ""
    return Problem(
        Cause.UNKNOWN_VALUE, f"{text!r} is not a device", f"the choices are {choices}{hint}"
    )


def cupy_not_installed(driver_cuda: tuple[int, int]) -> Problem:
    """Driver and device are there, CuPy is not."""
    return Problem(
        Cause.CUPY_NOT_INSTALLED,
        "CuPy, through which mlpcore uses the GPU, is not installed",
        f"install it with: {pip_line(driver_cuda)} (or: {CONDA_LINE})",
        f"The NVIDIA driver is there and supports CUDA {_dotted(driver_cuda)}.",
    )


def no_driver(why: str, remedy: str, details: str, *, cupy_missing: bool) -> Problem:
    """The driver's library is absent or does not work; say at once if CuPy is absent as well."""
    if cupy_missing:
        remedy += f", then CuPy with: {pip_line(None)} (or: {CONDA_LINE})"
    return Problem(Cause.NO_DRIVER, why, remedy, details)


def no_device(n_present: int | None, visible_devices: str | None) -> Problem:
    """No GPU is visible: ``CUDA_VISIBLE_DEVICES`` hides them all, or there is none."""
    if visible_devices is not None and n_present != 0:
        those = {None: "every GPU", 1: "the only GPU"}.get(n_present, f"all {n_present} GPUs")
        return Problem(
            Cause.NO_DEVICE,
            f"CUDA_VISIBLE_DEVICES={visible_devices!r} hides {those} from this process",
            "unset it, or set it to the indices of the GPUs to use, for example 0",
        )
    return Problem(
        Cause.NO_DEVICE,
        "an NVIDIA driver is installed but it finds no GPU",
        "see whether nvidia-smi lists one; a container needs to be started with its GPUs "
        "(docker run --gpus all)",
    )


def driver_too_old(driver_cuda: tuple[int, int], needed: int) -> Problem:
    """The driver supports no CUDA major for which there is a CuPy that this package takes."""
    return Problem(
        Cause.DRIVER_TOO_OLD,
        f"the NVIDIA driver is too old: it supports CUDA {_dotted(driver_cuda)} and CuPy needs "
        f"CUDA {needed}",
        f"update the NVIDIA driver{_to_first_driver(needed)}",
    )


def major_mismatch(package: str, cupy_major: int, driver_cuda: tuple[int, int]) -> Problem:
    """CuPy is built for a newer CUDA major than the driver's, and another CuPy would fit it."""
    # The plain name is conda's package, whose CUDA is chosen by a second one.
    replace = (
        f"{CONDA_LINE} cuda-version={driver_cuda[0]}"
        if package == "cupy"
        else f"pip uninstall -y {package} && {pip_line(driver_cuda)}"
    )
    return Problem(
        Cause.CUDA_MAJOR_MISMATCH,
        f"{package} is built for CUDA {cupy_major} and the NVIDIA driver supports "
        f"CUDA {_dotted(driver_cuda)}",
        f"replace it: {replace} (or update the driver{_to_first_driver(cupy_major)})",
    )


def two_cupys(packages: tuple[str, ...], driver_cuda: tuple[int, int]) -> Problem:
    """Several CuPy packages overwrote each other, so no CUDA major can be relied on."""
    return Problem(
        Cause.CUDA_MAJOR_MISMATCH,
        f"{len(packages)} CuPy packages are installed over each other ({', '.join(packages)})",
        f"keep one: pip uninstall -y {' '.join(packages)} && {pip_line(driver_cuda)}",
        "They share one folder, whose files are a mixture of builds for different CUDA versions.",
    )


def import_failed(error: Exception) -> Problem:
    """CuPy raised while it was imported; the innermost error says most."""
    innermost: BaseException = error
    while innermost.__cause__ is not None:
        innermost = innermost.__cause__
    return Problem(
        Cause.CUPY_IMPORT_FAILED,
        f"CuPy is installed but its import fails ({_one_line(innermost)})",
        "repair or reinstall CuPy; python -c 'import cupy' shows the whole error",
        f"{type(error).__name__}: {error}".strip(),
        error,
    )


def cuda_failed(error: Exception) -> Problem:
    """CUDA itself refused to start, for a reason of its own."""
    return Problem(
        Cause.CUDA_FAILED,
        f"CUDA does not start ({_one_line(error)})",
        "see whether nvidia-smi works; a restart of the machine may be due",
        original=error,
    )


def index_out_of_range(index: int, count: int, visible_devices: str | None) -> Problem | None:
    """Device ``index`` was asked for and ``count``, at least one, are visible; None if it fits."""
    if index < count:
        return None
    sees, choices = ("1 GPU", "cuda:0")
    if count > 1:
        sees, choices = (f"{count} GPUs", f"cuda:0 to cuda:{count - 1}")
    return Problem(
        Cause.INDEX_OUT_OF_RANGE,
        f"there is no GPU with index {index}: this process sees {sees}",
        f"use {choices}",
        f"CUDA_VISIBLE_DEVICES={visible_devices!r} decides which are seen."
        if visible_devices is not None
        else "",
    )


def forked() -> Problem:
    """The parent had used CUDA, whose state does not survive a fork."""
    return Problem(
        Cause.FORKED,
        "this process was forked after CUDA was used, and CUDA does not work in such a child",
        "start workers with multiprocessing.get_context('spawn'), or use the CPU in them",
    )


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def _to_first_driver(major: int) -> str:
    return f" to version {_FIRST_DRIVER[major]} or newer" if major in _FIRST_DRIVER else ""


def _one_line(error: BaseException) -> str:
    """Return the type and the first line of an error that says something."""
    lines = (line.strip() for line in str(error).splitlines())
    first = next((line for line in lines if line.strip("=-")), "")
    first = first if len(first) <= 160 else first[:157] + "..."
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
