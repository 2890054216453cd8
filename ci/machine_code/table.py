"""All kernels by name and dtype."""

from __future__ import annotations

from functools import cache

from .cplusplus_kernels import cplusplus_programs
from .program import Program
from .python_kernels import python_programs


@cache
def _programs(everything: bool) -> dict[tuple[str, str], Program]:
    found = [*python_programs(everything), *cplusplus_programs(everything)]
    named = {(it.name, it.dtype.name): it for it in found}
    assert len(named) == len(found)
    return named


def program(name: str, dtype: str) -> Program:
    """Return the program of this name and dtype."""
    return _programs(everything=True)[name, dtype]


def program_names(everything: bool) -> list[tuple[str, str]]:
    """Return name and dtype of each program that every change is checked with, or of all."""
    return list(_programs(everything))
