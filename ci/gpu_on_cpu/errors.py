"""The exceptions of this package: one for each way in which a program can be wrong."""

from __future__ import annotations


class GpuOnCpuError(RuntimeError):
    """Base of everything this package raises about a program or its environment."""


class PTXSyntaxError(GpuOnCpuError):
    """The text is not PTX as this package reads it; the message names the line."""


class UnsupportedPTXError(GpuOnCpuError, NotImplementedError):
    """An instruction or directive that is not emulated; the message names the line."""


class BuildError(GpuOnCpuError):
    """The C++ compiler is missing or rejected what it was given."""


class LaunchError(GpuOnCpuError):
    """A launch configuration that a GPU would refuse: block too large, wrong parameters."""


class DeviceMemoryError(GpuOnCpuError):
    """A copy, a fill or a library call reaches outside one device allocation."""


class CaptureError(GpuOnCpuError):
    """What was called would make the recording of a graph fail."""


class KernelFault(GpuOnCpuError):  # noqa: N818 - a fault is what CUDA calls it
    """A check failed while a kernel ran.

    Attributes
    ----------
    kernel : str
        Name of the entry function.
    line : int
        Line of the PTX text, counted from one; 0 if no instruction is to blame.
    block, thread : tuple of int
        The (x, y, z) indices of the thread that met the fault.
    reason : str
        What went wrong, without the place.
    """

    def __init__(
        self,
        reason: str,
        kernel: str,
        line: int,
        block: tuple[int, int, int],
        thread: tuple[int, int, int],
        source: str = "",
    ) -> None:
        self.reason = reason
        self.kernel = kernel
        self.line = line
        self.block = block
        self.thread = thread
        place = f"kernel {kernel}, block {block}, thread {thread}"
        if line:
            place += f", PTX line {line}: {source}" if source else f", PTX line {line}"
        super().__init__(f"{reason} [{place}]")
