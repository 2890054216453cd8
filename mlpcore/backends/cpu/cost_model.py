"""How a prediction is computed: by which kernel, in which chunks, on how many threads.

The one place where such choices are made.  None of them changes a bit of the result.
"""

from enum import Enum
from typing import Any, NamedTuple, Protocol

from mlpcore.kernels.cpu.product.parts import TASKS_EACH
from mlpcore.kernels.cpu.product.tile import FAR_BYTES

LARGEST_FEW = 48
"""Rows up to which the kernel for few rows may be the better one."""

CHUNK_BYTES = 1 << 20
"""The two buffers of a chunk's activations may fill half of a core's second cache."""

CHUNK_ROWS = 64
"""Rows of a chunk at most: weights that come from the third cache are then used often enough."""

PASS_CHUNK_ROWS = 256
"""The same where a pass is differentiated: a weight is copied for each chunk."""

FEW_PER_ROW = ((1 << 20, 1.1, 0.9), (1 << 22, 1.2, 0.98), (float("inf"), 1.4, 1.2))
"""The cost of a row in the kernel for few rows, in lanes of the kernel for many: by the bytes of
weights up to which it holds, on one thread and on several that share out the outputs.  Several gain
more by it, since they need not bring the rows into panels, and wait for one another less.
"""

LARGEST_SPREAD = 8
"""Panels of rows up to which all threads may work on the same rows."""

LARGEST_IMBALANCE = 1.25
"""How many times longer than the mean share of rows the largest one may be."""

FEW_FLOPS_PER_THREAD = 400_000
"""Operations below which a second thread costs more than it gains, with all rows at once."""

SPREAD_FLOPS_PER_THREAD = 3_000_000
"""The same for many rows: the activations of each layer travel from core to core."""

MANY_FLOPS_PER_THREAD = 2_000_000
"""The same where each thread has rows of its own."""

SHORT_FLOPS = 1_000_000
"""Operations of a call that is over sooner than other Python threads would notice."""


HELD_ROWS = 128
"""Rows of the batch of which a task of a near weight's gradient holds its columns of the input:
they stay in the first cache.  Whole blocks of a sum over rows."""

FAR_HELD_ROWS = 256
"""The same of a far weight: the gradients of z of so many rows stay in the second cache, while more
would come from the third for each task anew."""

NEAR_BYTES = 1 << 20
"""A small weight is near, too, while all gradients of z of the batch are at most so large."""

COLUMN_BYTES = 1 << 19
"""The columns of the input that a task of a far weight's gradient holds."""

APPLIED_AT_ONCE = 32
"""Rows up to which the gradient of a weight is applied where it is summed."""

TASKS_PER_THREAD = 2
"""How many tasks with columns of its own there are at least for each of several threads."""

SPREAD_PASS_FLOPS_PER_THREAD = 1_200_000
"""Operations of a pass with all rows at once below which a second thread costs more than it
gains."""

EVEN_SPREAD_FLOPS_PER_THREAD = 5_000_000
"""Operations from which two threads work on the same two panels of rows, though each could have
one: then each copies half of a weight, and not all of it."""


class Way(Enum):
    """How the work lies in vectors, and how threads share it.

    With ``FEW`` the outputs lie in the lanes, else the rows.  Threads share out the rows of a batch
    with ``MANY``, else the outputs of a layer.
    """

    FEW, MANY, SPREAD = "few", "many", "spread"


class Call(NamedTuple):
    """One way to compute a prediction.

    Attributes
    ----------
    way : Way
        The kernel.
    chunk : int
        Rows of a chunk.
    participants : int
        How many threads may take part.
    short : bool
        Whether the caller keeps the interpreter's lock.
    """

    way: Way
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
    alone = flops <= SHORT_FLOPS
    together = max(1, min(threads, flops // FEW_FLOPS_PER_THREAD))
    panels = -(-rows // network.wide)
    if not network.by_row and _few_is_faster(rows, network, shared=together > panels):
        return Call(Way.FEW, rows, together, together == 1 and alone)
    spread = min(threads, flops // SPREAD_FLOPS_PER_THREAD)
    apart = network.by_row or panels > LARGEST_SPREAD or spread <= 1
    if not apart and _imbalanced(panels, spread):
        return Call(Way.SPREAD, network.wide * panels, spread, False)
    panel_bytes = 2 * network.widest * network.dtype.itemsize * network.wide
    chunk = network.wide * max(1, min(CHUNK_ROWS // network.wide, CHUNK_BYTES // panel_bytes))
    participants = max(1, min(threads, flops // MANY_FLOPS_PER_THREAD, panels))
    if rows < participants * chunk:
        chunk = network.wide * -(-panels // participants)
    return Call(Way.MANY, chunk, participants, participants == 1 and alone)


def _few_is_faster(rows: int, network: Network, *, shared: bool) -> bool:
    """Return whether the kernel for few rows is the faster one.

    With `shared` there are more threads than panels of rows.
    """
    weight_bytes = network.flops_per_row // 2 * network.dtype.itemsize
    costs = next(costs for most, *costs in FEW_PER_ROW if weight_bytes <= most)
    per_row = costs[shared]
    padded = -(-rows // network.lanes) * network.lanes
    return rows <= LARGEST_FEW and rows * per_row < padded


class PassCall(NamedTuple):
    """How a pass that is differentiated is shared out.

    Attributes
    ----------
    chunk : int
        Rows of a chunk.
    participants : int
        How many threads may take part.
    spread : bool
        Whether all of them work on the same rows.
    """

    chunk: int
    participants: int
    spread: bool


def choose_pass(rows: int, threads: int, network: Network, width: int) -> PassCall:
    """Return how to share out a pass that is differentiated, on panels of `width` rows."""
    flops = 6 * rows * network.flops_per_row // 2
    panels = -(-rows // width)
    spread = min(threads, flops // SPREAD_PASS_FLOPS_PER_THREAD)
    if panels <= LARGEST_SPREAD and spread > 1:
        even = panels == spread == 2 and flops >= spread * EVEN_SPREAD_FLOPS_PER_THREAD
        if even or _imbalanced(panels, spread):
            return PassCall(width * panels, spread, True)
    worth = flops // MANY_FLOPS_PER_THREAD if panels > 1 else 1
    participants = max(1, min(threads, worth))
    # As many chunks for each, all of about the same size.
    most = max(1, PASS_CHUNK_ROWS // width)
    rounds = max(1, -(-panels // (most * participants)))
    chunk = width * max(1, -(-panels // (rounds * participants)))
    return PassCall(chunk, participants, False)


def _imbalanced(panels: int, threads: int) -> bool:
    """Return whether a thread would have many more panels of rows than others have."""
    return -(-panels // threads) * threads > LARGEST_IMBALANCE * panels


class Columns(NamedTuple):
    """How the gradient of a weight is divided into tasks.

    Attributes
    ----------
    tasks : int
        How many tasks there are.
    span : int
        Columns of the weight that a task has, whole tiles.
    held : int
        Rows of the batch of which it holds these columns of the input at once.
    parts : int
        How many tasks have the same columns, each with a part of the outputs.
    elements : int
        How much memory it needs.
    """

    tasks: int
    span: int
    held: int
    parts: int
    elements: int


def applied_at_once(rows: int, network: Network) -> bool:
    """Return whether gradients of weights are applied where they are summed, in a single panel."""
    return rows <= min(APPLIED_AT_ONCE, network.wide)


def choose_columns(
    rows: int, participants: int, features: int, outputs: int, network: Network
) -> Columns:
    """Return how to divide the gradient of a weight for a batch of `rows` rows."""
    itemsize = network.dtype.itemsize
    panels, parts = -(-features // network.wide), 1
    held = min(rows, FAR_HELD_ROWS)
    few = COLUMN_BYTES // (held * network.wide * itemsize)
    near = features * outputs * itemsize <= FAR_BYTES and rows * outputs * itemsize <= NEAR_BYTES
    if applied_at_once(rows, network):
        # Along whole rows: each thread reads the part of a weight that it read on the way forward.
        span = -(-panels // -(-panels // max(1, few))) * network.wide
        if participants > 1:
            parts = min(TASKS_EACH * participants, outputs)
    elif near or few < 2:
        held, span = min(rows, HELD_ROWS), network.wide
    else:
        tasks = -(-panels // few)
        if participants > 1:
            tasks = min(panels, max(tasks, TASKS_PER_THREAD * participants))
        span = -(-panels // tasks) * network.wide
    kept = outputs * span if rows > held else 0
    return Columns(-(-features // span) * parts, span, held, parts, held * span + kept)
