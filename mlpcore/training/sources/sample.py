"""Rows drawn from those of an epoch, each with the same chance."""

from typing import Any

import numpy as np

from mlpcore.randomness import Stream, generator


class Reservoir:
    """At most so many rows of a stream, however many come: no row is likelier than another.

    J. S. Vitter, "Random Sampling with a Reservoir", 1985, algorithm R: row number i, counted from
    1, takes a random one of the places with the chance most / i.  What is drawn depends on the seed
    and the number of the stream, and on the sizes of its batches.

    Parameters
    ----------
    most : int
        How many rows to keep.
    seed, number : int
        The seed, and which stream it is.
    """

    def __init__(self, most: int, seed: int, number: int) -> None:
        self._most, self._random = most, generator(seed, Stream.SAMPLE, number)
        self._seen = 0
        self._parts: list[Any] = []

    def add(self, xp: Any, x: Any) -> None:
        """Take in a batch, shape (rows, features); what is kept of it is copied."""
        room = self._most - self._seen
        if room > 0:
            self._parts.append(x[:room].copy())
        later = x[max(room, 0) :]
        first = max(self._seen, self._most) + 1
        self._seen += len(x)
        places = self._random.integers(0, np.arange(first, first + len(later)))
        rows = np.flatnonzero(places < self._most)
        # Of two rows that take one place the later has it, whatever order a device writes in.
        taken = dict(zip(places[rows].tolist(), rows.tolist(), strict=True))
        if taken:
            kept = self.rows(xp)
            kept[xp.asarray(list(taken))] = later[xp.asarray(list(taken.values()))]

    def rows(self, xp: Any) -> Any:
        """Return what is kept so far, shape (rows, features)."""
        if len(self._parts) > 1:
            self._parts = [xp.concatenate(self._parts)]
        return self._parts[0]


def drawn(rows: int, most: int, seed: int) -> Any:
    """Return the numbers of `most` of so many rows, ascending, or a slice of all where they fit."""
    if rows <= most:
        return slice(0, rows)
    return np.sort(generator(seed, Stream.SAMPLE, 0).choice(rows, most, replace=False))
