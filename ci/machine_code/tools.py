"""NVIDIA's assembler and disassembler, wherever pip, conda or the system put them."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path


class ToolError(RuntimeError):
    """A tool is missing, or refuses what it was given."""


@cache
def tool(name: str) -> str:
    """Return the path of ``ptxas`` or ``nvdisasm``.

    Raises
    ------
    ToolError
        If it is not installed.
    """
    from cuda.pathfinder import (  # type: ignore[import-untyped]
        find_nvidia_binary_utility,
    )

    found = find_nvidia_binary_utility(name) or shutil.which(name)
    if found is None:
        raise ToolError(f"{name} is not installed; pip has it in nvidia-cuda-{_PACKAGES[name]}")
    return str(found)


_PACKAGES = {"ptxas": "nvcc", "nvdisasm": "nvdisasm"}


def run(name: str, *arguments: str, folder: Path) -> tuple[str, str]:
    """Return what a tool writes to its output and to its error stream.

    Raises
    ------
    ToolError
        If it fails, with what it said.
    """
    command = [tool(name), *arguments]
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise ToolError(f"{' '.join(command)}\n{answer.stdout}{answer.stderr}")
    return answer.stdout, answer.stderr
