"""Independent streams of random numbers on the host, one for each use and number.

Whatever is drawn for one purpose says nothing of what is drawn for another, and any stream can be
begun without those before it (M. E. O'Neill's seed sequences as in
https://numpy.org/doc/stable/reference/random/parallel.html).
"""

import enum

from numpy.random import Generator, Philox, SeedSequence


class Stream(enum.IntEnum):
    """What numbers are drawn for; the values belong to the promise of reproducibility."""

    WEIGHTS = 0
    """The initial values of one weight, counted among the parameters."""
    ORDER = 1
    """The order of the rows in one epoch."""
    BIASES = 2
    """The initial values of one bias, counted among the parameters."""
    SAMPLE = 3
    """Which rows of an epoch statistics are taken of."""


def generator(seed: int, stream: Stream, number: int) -> Generator:
    """Return the generator of stream `number` for one purpose under `seed`."""
    sequence = SeedSequence(seed, spawn_key=(int(stream), number))
    return Generator(Philox(sequence))
