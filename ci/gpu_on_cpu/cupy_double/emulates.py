"""Marking the methods that stand in for functions of CUDA."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

F = TypeVar("F", bound=Callable[..., object])


def emulates(*names: str) -> Callable[[F], F]:
    """Mark a method as the double of functions such as ``runtime.malloc``."""

    def mark(method: F) -> F:
        method.emulated_names = names  # type: ignore[attr-defined]
        return method

    return mark


def emulated_by(part: object) -> Iterator[tuple[str, Callable[..., object]]]:
    """Yield (name, bound method) for every marked method of `part`."""
    for attribute in dir(type(part)):
        names = getattr(getattr(type(part), attribute), "emulated_names", ())
        for name in names:
            yield name, getattr(part, attribute)
