"""Source files in CUDA C++, which lie beside the modules that use them."""

from __future__ import annotations

from importlib.resources import files


def text_of(package: str, name: str) -> str:
    """Return the source file `name` of a package, named by its ``__package__``."""
    return files(package).joinpath(name).read_text(encoding="utf-8")


def thread_tile() -> str:
    """Return what multiplies a few rows by a few outputs in the registers of a thread."""
    return text_of(__package__, "thread_tile.cu")
