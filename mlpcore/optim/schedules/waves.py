"""Schedules that rise and fall: warm-up, cosines with restarts, the one-cycle policy."""

from bisect import bisect_right
from functools import lru_cache
from itertools import pairwise
from math import cos, pi

from mlpcore.checks import not_negative, positive, real_number, whole_number
from mlpcore.names import unknown

from .schedule import Schedule, made, register


def _warmup(step: int, *, steps: int, start: float) -> float:
    return 1.0 if step >= steps else start + (1.0 - start) * (step / steps)


@register("warmup", _warmup)
def warmup(steps: int, start: float | None = None) -> Schedule:
    """Return a line from `start` at step 0 to 1 at step `steps`, where it stays.

    Parameters
    ----------
    steps : int
        How many steps are taken below the full rate, at least 0.
    start : float, optional
        In [0, 1]; by default 1 / (steps + 1), so that no step is wasted on a rate of 0 and each
        adds as much as the first had.
    """
    steps = whole_number(steps, "steps", 0)
    start = 1.0 / (steps + 1) if start is None else _share(start, "start")
    return made("warmup", steps=steps, start=start)


def _cosine(
    step: int, *, steps: int, warmup: int, end: float, restarts: int, growth: float
) -> float:
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if step >= steps:
        return end
    bounds = _bounds(steps, warmup, restarts, growth)
    after = bisect_right(bounds, step)
    share = (step - bounds[after - 1]) / (bounds[after] - bounds[after - 1])
    return end + (1.0 - end) * 0.5 * (1.0 + cos(pi * share))


@lru_cache(maxsize=64)
def _bounds(steps: int, warmup: int, restarts: int, growth: float) -> tuple[int, ...]:
    """Return the first step of each cycle, and the first step after all of them."""
    lengths = [growth**i for i in range(restarts + 1)]
    shares = [sum(lengths[:i]) / sum(lengths) for i in range(restarts + 2)]
    return tuple(warmup + round((steps - warmup) * share) for share in shares)


@register("cosine", _cosine)
def cosine(
    steps: int, *, warmup: int = 0, end: float = 0.0, restarts: int = 0, growth: float = 1.0
) -> Schedule:
    """Return half a cosine from 1 down to `end`, once or several times (arXiv:1608.03983).

    Parameters
    ----------
    steps : int
        How many steps the whole takes, warm-up included; from then on it stays `end`.
    warmup : int, default 0
        So many steps at first rise along a line, as in `warmup`.
    end : float, default 0
        Where each cosine ends, in [0, 1].
    restarts : int, default 0
        How many times it jumps back to 1.
    growth : float, default 1
        How many times longer than the one before each cycle is; the paper's T_mult.  Cycles begin
        at whole steps.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range, or a cycle would have no step.

    Notes
    -----
    The paper's T₀ is the length of the first cycle: ``cosine(70, restarts=2, growth=2)`` has cycles
    of 10, 20 and 40 steps.
    """
    steps, warmup = whole_number(steps, "steps", 1), whole_number(warmup, "warmup", 0)
    restarts, growth = whole_number(restarts, "restarts", 0), positive(growth, "growth")
    if steps - warmup <= restarts:
        raise ValueError(
            f"{steps} steps with {warmup} of warm-up leave none for each of {restarts + 1} cycles"
        )
    bounds = _bounds(steps, warmup, restarts, growth)
    if any(a >= b for a, b in pairwise(bounds)):
        raise ValueError(f"a cycle has no step: with growth={growth:g} they begin at {bounds[:-1]}")
    return made(
        "cosine",
        steps=steps,
        warmup=warmup,
        end=_share(end, "end"),
        restarts=restarts,
        growth=growth,
    )


def _one_cycle(
    step: int, *, steps: int, rise: float, start: float, end: float, shape: str
) -> float:
    top, last = rise * steps - 1.0, steps - 1.0
    if step <= top:
        return _between(start, 1.0, step / top if top > 0 else 1.0, shape)
    if step >= last:
        return end
    return _between(1.0, end, (step - top) / (last - top), shape)


def _between(a: float, b: float, share: float, shape: str) -> float:
    if shape == "cosine":
        share = 0.5 * (1.0 - cos(pi * share))
    return a * (1.0 - share) + b * share


@register("one_cycle", _one_cycle)
def one_cycle(
    steps: int,
    *,
    rise: float = 0.3,
    start: float = 0.04,
    end: float = 4e-6,
    shape: str = "cosine",
) -> Schedule:
    """Return the one-cycle policy: up to the full rate, and down to far below where it began.

    L. N. Smith and N. Topin, "Super-convergence", arXiv:1708.07120; defaults as in PyTorch.  The
    base learning rate is the largest.

    Parameters
    ----------
    steps : int
        How many steps the whole takes, at least 2; the last of them has the factor `end`.
    rise : float, default 0.3
        The share of the steps in which it rises, in (0, 1).
    start, end : float, default 1/25 and 1/250000
        The factors of the first and of the last step, in [0, 1].
    shape : {"cosine", "linear"}
        Of the way up and the way down; the paper's is linear.
    """
    steps, rise = whole_number(steps, "steps", 2), real_number(rise, "rise")
    if not 0 < rise < 1:
        raise ValueError(f"rise must be above 0 and below 1, got {rise}")
    if shape not in ("cosine", "linear"):
        raise unknown("shape", shape, ("cosine", "linear"))
    start, end = _share(start, "start"), _share(end, "end")
    return made("one_cycle", steps=steps, rise=rise, start=start, end=end, shape=shape)


def _share(value: float, name: str) -> float:
    number = not_negative(value, name)
    if number > 1:
        raise ValueError(f"{name} must be at most 1, got {value}")
    return number
