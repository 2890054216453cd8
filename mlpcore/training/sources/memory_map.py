"""Rows of memory-mapped arrays, read while the rows before them are used."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np

from mlpcore.backends.arrays import NUMPY, bring_in, kind_of
from mlpcore.training.sources.check import CheckBatch
from mlpcore.training.sources.order import Order, Part
from mlpcore.training.sources.prefetch import Prefetch
from mlpcore.training.sources.source import Minibatch, Source


def is_mapped(array: Any) -> bool:
    """Return whether `array` lies in a file that is mapped into memory."""
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return True
        array = array.base
    return False


class MappedRows:
    """Arrays of which one or more lie in files, checked as far as that reads no rows.

    Parameters
    ----------
    check : CheckBatch
        What each batch will be checked by.
    x : ndarray, shape (rows, features)
        The input.
    t : ndarray, shape (rows,) or (rows, k)
        The targets.  Those of one number a row are read at once, so that they can be checked before
        any work.
    sample_weight : ndarray, shape (rows,), or None
        The weights, which are read at once.

    Raises
    ------
    TypeError, ValueError
        If they are no such arrays, or not equally long.
    """

    def __init__(self, check: CheckBatch, x: Any, t: Any, sample_weight: Any) -> None:
        features = check.bound.program.in_features
        x, t, sample_weight = _array(x), _array(t), _array(sample_weight)
        if not isinstance(x, np.ndarray) or x.ndim != 2 or x.shape[1] != features:
            raise ValueError(
                f"x, of which memory maps are read batch by batch, must have the shape "
                f"(rows, {features}); got {getattr(x, 'shape', type(x).__name__)}"
            )
        if t is None:
            raise TypeError("t is missing: give the targets of x")
        if not isinstance(t, np.ndarray) or t.shape[:1] != x.shape[:1]:
            raise ValueError(
                f"t must be an array with {len(x)} rows, as x has; "
                f"got {getattr(t, 'shape', type(t).__name__)}"
            )
        if len(x) == 0:
            raise ValueError(f"x has no rows: its shape is {x.shape}")
        bring_in(np.array(x[:0]), NUMPY)  # refuses what holds no real numbers
        self.x = x
        self.t = np.array(t) if t.ndim == 1 else t
        self.sample_weight = sample_weight
        check.targets(len(x), None if is_mapped(self.t) else self.t, self.sample_weight)

    def __len__(self) -> int:
        return len(self.x)

    def read(self, part: Part) -> tuple[Part, Minibatch]:
        """Return copies of some rows in memory, beside where they lie."""
        weights = self.sample_weight
        x, t = np.array(self.x[part]), np.array(self.t[part])
        return part, (x, t, None if weights is None else weights[part])


def _array(given: Any) -> Any:
    """Return a list, or what a library of tables holds, as an array; others as they are."""
    if given is None or isinstance(given, np.ndarray) or kind_of(given) != NUMPY:
        return given
    return bring_in(given, NUMPY)


class MappedSource(Source):
    """Minibatches of memory-mapped arrays.

    Parameters
    ----------
    rows : MappedRows
        The arrays.
    order : Order
        Which rows come when.
    check : CheckBatch
        Checks each batch and brings it to the device.
    """

    def __init__(self, rows: MappedRows, order: Order, check: CheckBatch) -> None:
        self._rows, self._order, self._check = rows, order, check
        self._sample: Any = None

    @property
    def steps(self) -> int:
        """How many minibatches an epoch has."""
        return self._order.steps

    def epoch(self, number: int, start: int = 0) -> Iterator[Minibatch]:
        """Yield the minibatches of epoch `number` from its step `start` on."""
        # The map reads the file in the thread that copies the rows: it does so without the GIL,
        # while the thread of the steps computes.
        read = self._rows.read
        batches = Prefetch(lambda: map(read, self._order.epoch(number, start)))
        with closing(batches):
            for step, (part, batch) in enumerate(batches, start + 1):
                yield self._check(batch, f"batch {step} of epoch {number + 1}", part)

    def keep_sample(self, most: int, seed: int) -> None:
        """Read the rows of `sample`."""
        part, batch = self._rows.read(self._order.sample(most, seed))
        self._sample, _, _ = self._check(batch, "a sample of the rows", part)

    def sample(self, epoch: int, steps: int | None) -> Any:  # noqa: ARG002
        """Return those rows, whatever the epoch."""
        return self._sample

    def settings(self) -> dict[str, Any]:
        """Return what fixes the minibatches of every epoch."""
        return self._order.settings()
