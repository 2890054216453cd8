"""Building shared libraries with the machine's C++ compiler, each text once.

The name of a library is a hash of all that went into it.  It is built under another name and then
renamed, so that any number of processes may want the same one at the same time.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from .cache import cache_folder
from .errors import BuildError

RUNTIME = Path(__file__).parent / "runtime"

MOST_STACK = 60 * 1024
"""Bytes that a function of a kernel may take of the stack of its thread (STACK_BYTES, 64 KiB)."""

FAST_BUILD = "GPU_ON_CPU_FAST_BUILD"
"""The environment variable that asks for kernels which build fast and run slowly."""

_COMMON = ("-w", "-fPIC", "-shared")
_CXX = ("-std=gnu++17", "-fno-strict-aliasing", "-fno-exceptions", "-fcf-protection=none")
# Contracting a * b + c would round once where PTX says twice.
_KERNEL = (*_CXX, "-ffp-contract=off", "-fno-stack-protector", "-fstack-usage")
_RUNTIME = (*_CXX, "-O2", "-ffp-contract=off", "-frounding-math")


@cache
def compiler() -> str:
    """Return the C++ compiler: the variable ``CXX``, or ``g++``."""
    name = os.environ.get("CXX") or "g++"
    path = shutil.which(name)
    if path is None:
        raise BuildError(f"the C++ compiler {name!r} is not installed (set CXX to another)")
    return path


@cache
def _compiler_version() -> str:
    answer = subprocess.run([compiler(), "--version"], capture_output=True, text=True, check=False)
    return answer.stdout


@cache
def _headers() -> Mapping[str, str]:
    return {path.name: path.read_text() for path in sorted(RUNTIME.glob("*.hpp"))}


def build_kernel(source: str) -> Path:
    """Build a translated module and return the library.

    With ``GPU_ON_CPU_FAST_BUILD`` set it is not optimised, which takes half the time: right for
    tests, which build many kernels and run each for a moment.
    """
    level = "-O0" if os.environ.get(FAST_BUILD) else "-O1"
    flags = (*_KERNEL, level, f"-I{RUNTIME}")
    return _build("kernel", {"kernel.cpp": source}, flags, _headers())


@cache
def build_runtime() -> Path:
    """Build the library that all kernels share."""
    sources = {path.name: path.read_text() for path in sorted(RUNTIME.glob("*.cpp"))}
    return _build("runtime", sources, (*_RUNTIME, f"-I{RUNTIME}"), _headers())


def build_plain(stem: str, sources: Mapping[str, str], flags: Sequence[str] = ()) -> Path:
    """Build a library that has nothing to do with the runtime; see `_build` for `flags`."""
    return _build(stem, sources, ("-O1", *flags), {})


def _build(
    stem: str, sources: Mapping[str, str], flags: Sequence[str], headers: Mapping[str, str]
) -> Path:
    """Return the library made of `sources` (text by file name), from the cache if it is there.

    A source that is not C++ is not compiled: it is there for a flag to name it, as
    ``{folder}/name``.
    """
    ingredients = (_compiler_version(), flags, sorted(sources.items()), sorted(headers.items()))
    key = hashlib.sha256(repr(ingredients).encode()).hexdigest()[:24]
    folder = cache_folder("libraries")
    library = folder / f"{stem}-{key}.so"
    if library.exists():
        return library
    with tempfile.TemporaryDirectory(dir=folder, prefix=f"{stem}-") as work:
        for name, text in sources.items():
            (Path(work) / name).write_text(text)
        inputs = [name for name in sources if name.endswith(".cpp")]
        made = [flag.format(folder=work) for flag in flags]
        command = [compiler(), *_COMMON, *made, *inputs, "-o", "library.so", "-lm"]
        answer = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
        if answer.returncode:
            raise BuildError(f"{' '.join(command)}\n{answer.stderr[:4000]}")
        _check_stack(Path(work))
        os.replace(Path(work) / "library.so", library)
    return library


def _check_stack(folder: Path) -> None:
    """Raise BuildError for a function whose frame the compiler has noted as too large."""
    for path in folder.glob("*.su"):
        for line in path.read_text().splitlines():
            function, size, _ = line.split("\t")
            if int(size) > MOST_STACK:
                raise BuildError(
                    f"{function.rpartition(':')[2]} takes {size} bytes of the stack of a thread, "
                    f"and may take {MOST_STACK}"
                )
