"""Which rows come when in an epoch over arrays."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, TypeAlias

import numpy as np

from mlpcore.randomness import Stream, generator
from mlpcore.training.sources.sample import drawn

Part: TypeAlias = slice | Any
"""The rows of one minibatch: where they lie, or an array of their numbers."""


def minibatches(
    rows: int, batch_size: int, seed: int, epoch: int, *, shuffle: bool, xp: Any = np
) -> Iterator[Part]:
    """Yield the rows of each minibatch of one epoch, for arrays of `xp`; the last may be smaller.

    The order depends on `seed` and `epoch` alone, so any epoch can be begun again without those
    before it.  It is drawn on the host, and so is the same on every device.
    """
    starts = range(0, rows, batch_size)
    if not shuffle:
        yield from (slice(start, min(start + batch_size, rows)) for start in starts)
        return
    # Brought to the device as a whole: in parts it would be one copy a step.
    order = xp.asarray(generator(seed, Stream.ORDER, epoch).permutation(rows))
    yield from (order[start : start + batch_size] for start in starts)


class Order:
    """The minibatches of each epoch, where an epoch may be shorter or longer than a pass.

    Parameters
    ----------
    rows : int
        How many rows there are.
    batch_size : int
        How many rows a minibatch has; the last of a pass may have fewer.
    seed : int
        The seed of the order of each pass.
    shuffle : bool
        Whether each pass has an order of its own, or all go from the first row to the last.
    steps : int or None
        How many minibatches make an epoch: None for one pass.  Epochs of another length go on where
        the one before stopped, so that every row comes equally often.
    numbers : array of int or None
        Which rows of the arrays these are; None for all of them.
    xp : namespace
        Where the row numbers are needed.
    """

    def __init__(
        self,
        rows: int,
        batch_size: int,
        seed: int,
        *,
        shuffle: bool,
        steps: int | None = None,
        numbers: Any = None,
        xp: Any = np,
    ) -> None:
        self._rows, self._batch_size, self._seed = rows, batch_size, seed
        self._shuffle, self._xp = shuffle, xp
        self._pass = -(-rows // batch_size)
        self.steps = self._pass if steps is None else steps
        self._numbers = None if numbers is None else xp.asarray(numbers)

    def epoch(self, number: int, start: int = 0) -> Iterator[Part]:
        """Yield the rows of epoch `number`, counted from 0, from its minibatch `start` on."""
        first = number * self.steps + start
        left = self.steps - start
        while left > 0:
            at, skipped = divmod(first, self._pass)
            parts = minibatches(
                self._rows,
                self._batch_size,
                self._seed,
                at,
                shuffle=self._shuffle,
                xp=self._xp,
            )
            taken = min(self._pass - skipped, left)
            chosen = parts if taken == self._pass else islice(parts, skipped, skipped + taken)
            if self._numbers is None:
                yield from chosen
            else:
                yield from map(self._numbers.__getitem__, chosen)
            first, left = first + taken, left - taken

    def sample(self, most: int, seed: int) -> Part:
        """Return at most `most` of the rows, drawn with `seed`, ascending; always the same."""
        part = drawn(self._rows, most, seed)
        if self._numbers is not None:
            return self._numbers[part]
        return part if isinstance(part, slice) else self._xp.asarray(part)

    def settings(self) -> dict[str, Any]:
        """Return what fixes the minibatches of every epoch, as plain values."""
        return {
            "data": "arrays",
            "rows": self._rows,
            "batch_size": self._batch_size,
            "shuffle": bool(self._shuffle),
            "steps_per_epoch": self.steps,
        }
