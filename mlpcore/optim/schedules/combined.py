"""Schedules made of schedules: one after the other, or multiplied."""

from bisect import bisect_right
from collections.abc import Iterable
from itertools import pairwise
from math import prod

from mlpcore.checks import whole_number

from .schedule import Part, Schedule, made, register


def _joined(step: int, *, parts: tuple[Part, ...], at: tuple[int, ...]) -> float:
    number = bisect_right(at, step)
    return parts[number](step - at[number - 1] if number else step)


@register("joined", _joined)
def joined(*parts: Part, at: Iterable[int]) -> Schedule:
    """Return schedules one after the other, each beginning with its own step 0.

    Parameters
    ----------
    *parts : Schedule or callable
        At least one.
    at : iterable of int
        The first step of each schedule but the first, ascending from at least 1.

    Examples
    --------
    >>> from mlpcore.optim.schedules import constant, exponential, joined
    >>> rate = joined(constant(), exponential(0.5), at=[2])
    >>> [rate(step) for step in range(5)]
    [1.0, 1.0, 1.0, 0.5, 0.25]
    """
    starts = tuple(whole_number(step, "a step at which schedules join", 1) for step in at)
    if any(a >= b for a, b in pairwise(starts)):
        raise ValueError(f"the steps at which schedules join must ascend, got {starts}")
    if len(starts) != len(parts) - 1:
        raise ValueError(f"{len(parts)} schedules join at one step less, got {len(starts)} steps")
    return made("joined", parts=_callables(parts), at=starts)


def _scaled(step: int, *, parts: tuple[Part, ...]) -> float:
    return prod(part(step) for part in parts)


@register("scaled", _scaled)
def scaled(*parts: Part) -> Schedule:
    """Return the product of schedules.

    Parameters
    ----------
    *parts : Schedule or callable
        At least one.

    Examples
    --------
    >>> from mlpcore.optim.schedules import constant, scaled, step_decay
    >>> scaled(constant(0.5), step_decay(10))(10)
    0.05
    """
    if not parts:
        raise ValueError("scaled needs at least one schedule")
    return made("scaled", parts=_callables(parts))


def _callables(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    for part in parts:
        if not callable(part):
            raise TypeError(f"a schedule is a function of the number of the step, got {part!r}")
    return parts
