"""Timing calls that take turns, so that whatever else the machine does meets all of them alike."""

import gc
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np

Clock: TypeAlias = Callable[[], int]
"""Returns nanoseconds from an arbitrary start."""

MAX_ROUNDS, MIN_ROUNDS = 10, 5
_MAX_CALLS = 100_000
_WARM_UP_CALLS = 2
_WARM_UP_SHARE = 0.05


@dataclass(frozen=True)
class Timing:
    """The durations of one contender's calls.

    Attributes
    ----------
    rounds : tuple of ndarray
        Nanoseconds of each call of each round, warm-up not among them.
    """

    rounds: tuple[Any, ...]

    @property
    def median_s(self) -> float:
        """The median over the rounds of the mean time of a call, in seconds."""
        return float(np.median([calls.mean() for calls in self.rounds])) * 1e-9

    def percentile_s(self, percent: float) -> float:
        """Return the time that `percent` of all calls stay below, in seconds."""
        return float(np.percentile(np.concatenate(self.rounds), percent)) * 1e-9


def measure(
    calls: Mapping[str, Callable[[], object]],
    seconds: float,
    *,
    between: Mapping[str, Callable[[], object]] | None = None,
    seed: int = 0,
    clock: Clock = time.perf_counter_ns,
) -> dict[str, Timing]:
    """Time `calls` in rounds; in each round every one of them has its turn, in an order drawn anew.

    Each call is warmed up first, uncounted, and from that gets as many repetitions in a turn as
    fill its share of `seconds`, at least one.  There are 10 rounds, down to 5 where the slowest
    call fills more than its share alone.  The garbage collector rests meanwhile.

    Parameters
    ----------
    calls : mapping of str to callable
        What is timed, by name.
    seconds : float
        How long each of them is measured in all.
    between : mapping of str to callable, optional
        What also has a turn in every round but keeps its own time, such as a gauge of the machine.
    seed : int
        Of the order of turns.
    clock : callable, optional
        Returns nanoseconds.

    Returns
    -------
    dict of str to Timing
        The durations, by name.
    """
    if not calls:
        return {}
    with _collector_off():
        estimates = {name: _warm_up(call, seconds, clock) for name, call in calls.items()}
        fitting = int(seconds / max(estimates.values()))
        rounds = min(MAX_ROUNDS, max(MIN_ROUNDS, fitting))
        repeats = {
            name: min(_MAX_CALLS, max(1, int(seconds / (rounds * estimate))))
            for name, estimate in estimates.items()
        }
        durations: dict[str, list[Any]] = {name: [] for name in calls}

        def turn(name: str) -> None:
            durations[name].append(_repeat(calls[name], repeats[name], clock))

        turns: list[Callable[[], object]] = [partial(turn, name) for name in calls]
        turns += (between or {}).values()
        rng = random.Random(seed)
        for _ in range(rounds):
            rng.shuffle(turns)
            for take in turns:
                take()
    return {name: Timing(tuple(measured)) for name, measured in durations.items()}


def _warm_up(call: Callable[[], object], seconds: float, clock: Clock) -> float:
    """Call until caches are filled and code is compiled; return the shortest call in seconds."""
    shortest = float("inf")
    spent = count = 0
    while count < _WARM_UP_CALLS or (spent < seconds * _WARM_UP_SHARE * 1e9 and count < _MAX_CALLS):
        start = clock()
        call()
        taken = clock() - start
        spent += taken
        count += 1
        shortest = min(shortest, max(taken, 1))
    return shortest * 1e-9


def _repeat(call: Callable[[], object], count: int, clock: Clock) -> Any:
    """Return the nanoseconds of each of `count` calls."""
    taken = np.empty(count, np.int64)
    for i in range(count):
        start = clock()
        call()
        taken[i] = clock() - start
    return taken


@contextmanager
def _collector_off() -> Iterator[None]:
    """Collect garbage now, and not again before the end."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
