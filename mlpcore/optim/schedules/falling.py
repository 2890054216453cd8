"""Schedules that fall: in steps, by a power, along a line."""

from bisect import bisect_right
from collections.abc import Iterable
from itertools import pairwise

from mlpcore.checks import not_negative, positive, whole_number

from .schedule import Schedule, made, register


def _constant(step: int, *, factor: float) -> float:  # noqa: ARG001
    return factor


@register("constant", _constant)
def constant(factor: float = 1.0) -> Schedule:
    """Return a schedule that is `factor` for ever.

    Parameters
    ----------
    factor : float, default 1
        At least 0.
    """
    return made("constant", factor=not_negative(factor, "factor"))


def _step_decay(step: int, *, every: int, factor: float) -> float:
    return float(factor ** (step // every))


@register("step_decay", _step_decay)
def step_decay(every: int, factor: float = 0.1) -> Schedule:
    """Return a schedule that is multiplied by `factor` after every `every` steps.

    Parameters
    ----------
    every : int
        How many steps have the same factor, at least 1.
    factor : float, default 0.1
        Positive.
    """
    every = whole_number(every, "every", 1)
    return made("step_decay", every=every, factor=positive(factor, "factor"))


def _multi_step(step: int, *, milestones: tuple[int, ...], factor: float) -> float:
    return float(factor ** bisect_right(milestones, step))


@register("multi_step", _multi_step)
def multi_step(milestones: Iterable[int], factor: float = 0.1) -> Schedule:
    """Return a schedule that is multiplied by `factor` at each milestone.

    Parameters
    ----------
    milestones : iterable of int
        The first steps with the next factor, ascending.
    factor : float, default 0.1
        Positive.
    """
    at = tuple(whole_number(step, "a milestone", 0) for step in milestones)
    if any(a >= b for a, b in pairwise(at)):
        raise ValueError(f"milestones must ascend, got {at}")
    return made("multi_step", milestones=at, factor=positive(factor, "factor"))


def _exponential(step: int, *, decay: float, every: int) -> float:
    return float(decay ** (step / every))


@register("exponential", _exponential)
def exponential(decay: float, every: int = 1) -> Schedule:
    """Return the schedule decay^(step / every), which falls a little in every step.

    Parameters
    ----------
    decay : float
        The factor after `every` steps, in (0, 1].
    every : int, default 1
        At least 1.
    """
    decay = positive(decay, "decay")
    if decay > 1:
        raise ValueError(f"decay must be at most 1, got {decay}")
    return made("exponential", decay=decay, every=whole_number(every, "every", 1))


def _linear(step: int, *, steps: int, start: float, end: float) -> float:
    share = min(step, steps) / steps
    return start * (1.0 - share) + end * share


@register("linear", _linear)
def linear(steps: int, start: float = 1.0, end: float = 0.0) -> Schedule:
    """Return a line from `start` at step 0 to `end` at step `steps`, where it stays.

    Parameters
    ----------
    steps : int
        At least 1.
    start, end : float, default 1 and 0
        At least 0.
    """
    start, end = not_negative(start, "start"), not_negative(end, "end")
    return made("linear", steps=whole_number(steps, "steps", 1), start=start, end=end)


def _polynomial(step: int, *, steps: int, power: float, end: float) -> float:
    rest = 1.0 - min(step, steps) / steps
    return float(end + (1.0 - end) * rest**power)


@register("polynomial", _polynomial)
def polynomial(steps: int, power: float = 2.0, end: float = 0.0) -> Schedule:
    """Return end + (1 - end) (1 - step / steps)^power, which stays `end` from `steps` on.

    Parameters
    ----------
    steps : int
        At least 1.
    power : float, default 2
        Positive; 1 is a line.
    end : float, default 0
        At least 0.
    """
    power, end = positive(power, "power"), not_negative(end, "end")
    return made("polynomial", steps=whole_number(steps, "steps", 1), power=power, end=end)
