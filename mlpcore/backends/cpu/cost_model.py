"""How a prediction is computed: by which kernel, in which chunks, on how many threads.

The one place where such choices are made.  None of them changes a bit of the result.
"""

from dataclasses import dataclass
from typing import Any, Protocol

LARGEST_FEW = 48
"""Rows up to which the kernel for few rows may be the better one."""

CHUNK_BYTES = 1 << 20
"""The two buffers of a chunk's activations may fill half of a core's second cache."""

CHUNK_ROWS = 64
"""Rows of a chunk at most: weights that come from the third cache are then used often enough."""

_FEW_PER_ROW = 1.1
"""The cost of a row in the kernel for few rows, in lanes of the kernel for many."""

FEW_FLOPS_PER_THREAD = 400_000
"""Operations below which a second thread costs more than it gains, with all rows at once."""

MANY_FLOPS_PER_THREAD = 2_000_000
"""The same where each thread has rows of its own."""

SHORT_FLOPS = 1_000_000
"""Operations of a call that is over sooner than other Python threads would notice."""


MOST_NATURAL_ROWS = 128
"""Rows of a pass up to which the weights are read as they lie rather than packed for it."""


@dataclass(frozen=True)
class Call:
    """One way to compute a prediction.

    Attributes
    ----------
    few : bool
        Whether the outputs lie in the lanes, for few rows, and not the rows.
    chunk : int
        Rows of a chunk.
    participants : int
        How many threads may take part.
    short : bool
        Whether the caller keeps the interpreter's lock.
    """

    few: bool
    chunk: int
    participants: int
    short: bool


class Network(Protocol):
    """What the model asks of a network."""

    widest: int
    lanes: int
    wide: int
    by_row: bool
    dtype: Any

    @property
    def flops_per_row(self) -> int:
        """Operations of a row."""


def choose(rows: int, threads: int, network: Network) -> Call:
    """Return how to compute `rows` rows of `network` on at most `threads` threads."""
    flops = rows * network.flops_per_row
    padded = -(-rows // network.lanes) * network.lanes
    if not network.by_row and rows <= LARGEST_FEW and rows * _FEW_PER_ROW < padded:
        participants = max(1, min(threads, flops // FEW_FLOPS_PER_THREAD))
        return Call(True, rows, participants, participants == 1 and flops <= SHORT_FLOPS)
    panel_bytes = 2 * network.widest * network.dtype.itemsize * network.wide
    chunk = network.wide * max(1, min(CHUNK_ROWS // network.wide, CHUNK_BYTES // panel_bytes))
    panels = -(-rows // network.wide)
    participants = max(1, min(threads, flops // MANY_FLOPS_PER_THREAD, panels))
    if rows < participants * chunk:
        chunk = network.wide * -(-panels // participants)
    return Call(False, chunk, participants, participants == 1 and flops <= SHORT_FLOPS)


def choose_pass(rows: int, threads: int, network: Network, width: int) -> tuple[int, int]:
    """Return the rows of a chunk and the number of threads for a pass that is differentiated.

    `width` is that of its panels.
    """
    flops = 6 * rows * network.flops_per_row // 2
    panels = -(-rows // width)
    participants = max(1, min(threads, flops // MANY_FLOPS_PER_THREAD))
    chunk = width * max(1, min(CHUNK_ROWS // width, -(-panels // participants)))
    return chunk, participants
