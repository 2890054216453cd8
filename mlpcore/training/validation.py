"""Data that training does not see, and how they are taken from those it would."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from mlpcore.checks import real_number
from mlpcore.datasets import stratified_split
from mlpcore.nn.losses import Loss
from mlpcore.training.data import Data
from mlpcore.training.sources.arrays import ArraySource
from mlpcore.training.sources.batches import BatchSource
from mlpcore.training.sources.check import CheckBatch, named_errors
from mlpcore.training.sources.memory_map import MappedRows, MappedSource, is_mapped
from mlpcore.training.sources.order import Order
from mlpcore.training.sources.source import Minibatch

HeldOut = Callable[[], Iterable[Minibatch]]
"""Gives the batches of an evaluation, as often as it is asked."""

EVALUATION_ROWS = 4096
"""How many rows of a memory map are read at a time to be evaluated."""


def whole(data: Data) -> HeldOut:
    """Return arrays that are evaluated in one piece."""
    return lambda: [(data.x, data.t, data.sample_weight)]


def part_of(data: Data, numbers: Any, xp: Any) -> HeldOut:
    """Return the rows `numbers` of arrays of `xp`, which are evaluated in one piece."""
    count = len(numbers)
    source = ArraySource(data, Order(count, count, 0, shuffle=False, numbers=numbers, xp=xp))
    return lambda: source.epoch(0)


def mapped(rows: MappedRows, numbers: Any, check: CheckBatch) -> HeldOut:
    """Return the rows `numbers` of memory maps, or all of them for None."""
    count = len(rows) if numbers is None else len(numbers)
    order = Order(count, EVALUATION_ROWS, 0, shuffle=False, numbers=numbers)
    source = MappedSource(rows, order, check)
    return lambda: source.epoch(0)


def held_out(given: Any, check: CheckBatch, epochs: int) -> HeldOut:
    """Return what the user gave as data to evaluate.

    Parameters
    ----------
    given : tuple of arrays, or iterable of batches, or callable
        (x, t) or (x, t, sample_weight), or batches as `fit` takes them.
    check : CheckBatch
        Checks them.
    epochs : int
        How often they will be evaluated.

    Raises
    ------
    TypeError, ValueError
        If something does not fit; batches are looked at when they come.
    """
    batches = isinstance(given, list) and given and all(isinstance(b, tuple) for b in given)
    if isinstance(given, tuple | list) and not batches:
        if len(given) not in (2, 3):
            raise TypeError("expected (x, t) or (x, t, sample_weight), or batches of them")
        return of_arrays(*given, check=check)
    if hasattr(given, "shape"):
        raise TypeError("expected a pair (x, t), or batches of them; got one array")
    source = BatchSource(given, check, steps=None, epochs=epochs)
    return lambda: source.epoch(0)


def of_arrays(x: Any, t: Any, sample_weight: Any = None, *, check: CheckBatch) -> HeldOut:
    """Return arrays, in memory or mapped from files, as data to evaluate."""
    if is_mapped(x) or is_mapped(t):
        return mapped(MappedRows(check, x, t, sample_weight), None, check)
    return whole(check.data(x, t, sample_weight))


def named(given: HeldOut, name: str) -> HeldOut:
    """Return the same data with `name` before the message of what is wrong with them."""

    def batches() -> Iterator[Minibatch]:
        with named_errors(name):
            yield from given()

    return batches


def split(rows: int, t: Any, loss: Loss, part: Any, seed: int) -> tuple[Any, Any]:
    """Return which rows to train on, and which to hold out, ascending.

    Parameters
    ----------
    rows : int
        How many there are.
    t : ndarray
        Their targets, on the host.
    loss : Loss
        Where it tells classes apart, every class gives its share.
    part : float
        The part of the rows to hold out, between 0 and 1.
    seed : int
        The seed of the draw.

    Raises
    ------
    TypeError, ValueError
        If `part` is out of range, or leaves no row on one side.
    """
    part = real_number(part, "validation_split")
    if not 0 < part < 1:
        raise ValueError(f"validation_split must lie between 0 and 1, got {part:g}")
    size = round(part * rows)
    if not 0 < size < rows:
        side = "validate" if size == 0 else "train on"
        raise ValueError(f"validation_split={part:g} of {rows} rows leaves none to {side}")
    kept, out = stratified_split(_strata(rows, t, loss), part, seed=seed)
    return np.sort(kept), np.sort(out)


def _strata(rows: int, t: Any, loss: Loss) -> Any:
    """Return the class of each row, or one for all where rows have none."""
    if loss.custom is None and loss.expects == "classes":
        return t if t.ndim == 1 else t.argmax(axis=1)
    if loss.custom is None and loss.expects == "probabilities" and t.size == rows:
        return t.reshape(rows) > 0.5
    return np.zeros(rows, dtype=np.int8)
