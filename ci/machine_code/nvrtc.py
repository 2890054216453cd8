"""CUDA C++ to PTX, for any architecture and without a GPU."""

from __future__ import annotations

from collections.abc import Sequence

from .architectures import Capability


def ptx_of_source(source: str, options: Sequence[str], capability: Capability) -> str:
    """Return the PTX of a text that includes nothing.

    Parameters
    ----------
    source : str
        CUDA C++.
    options : sequence of str
        Of the compiler, but for the architecture.
    capability : tuple of int
        The compute capability.

    Raises
    ------
    RuntimeError
        If the compiler refuses it, with what it said.
    """
    from cupy_backends.cuda.libs import nvrtc  # type: ignore[import-untyped]

    program = nvrtc.createProgram(source, "kernel.cu", (), ())
    architecture = f"-arch=compute_{capability[0]}{capability[1]}"
    try:
        nvrtc.compileProgram(program, (*options, architecture))
    except nvrtc.NVRTCError as error:
        raise RuntimeError(nvrtc.getProgramLog(program)) from error
    ptx = nvrtc.getPTX(program)
    return ptx.decode() if isinstance(ptx, bytes) else ptx
