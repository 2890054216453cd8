"""How a block divides its rows and a layer's outputs among its threads, and lays out its memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .layers import NarrowLayer

THREADS = 128
LANES_OF_ROWS = 4
LANES_OF_OUTPUTS = 8
"""The shape of a warp, as in ``thread_tile.cu``."""

_WARPS = THREADS // 32
_BANKS_BYTES = 128
_VECTOR_BYTES = 16
_MOST_SUMS_BYTES = 256
"""Registers for the sums of a thread: 64 of the 255 that it can have."""

_BYTES_OF_PANEL = 64
"""Of each row of W, where weights are read in panels."""


@dataclass(frozen=True)
class ThreadTile:
    """Rows and outputs (`columns`) of a thread, and how many warps share the outputs."""

    rows: int
    columns: int
    warps: int

    @property
    def outputs(self) -> int:
        """Outputs that the block computes, those that a layer does not have included."""
        return LANES_OF_OUTPUTS * self.warps * self.columns


def rows_of_tile(itemsize: int, many: bool) -> int:
    """Return how many rows a block carries through the network at once.

    With few rows a block reads weights for less work, but there are more blocks.
    """
    return (256 if many else 64) // itemsize


def thread_tile(outputs: int, tile_rows: int, itemsize: int) -> ThreadTile:
    """Return the division of a layer that takes the least time.

    For each k a thread of r rows and c outputs does r c multiply-adds, and 128-bit loads bring
    r + c numbers, which is taken to cost twice as much each.
    """
    best: tuple[int, ThreadTile] | None = None
    for warps in (1, 2, 4):
        rows = tile_rows * warps // (LANES_OF_ROWS * _WARPS)
        columns = -(-outputs // (LANES_OF_OUTPUTS * warps))
        if rows == 0 or rows * columns * itemsize > _MOST_SUMS_BYTES:
            continue
        cost = rows * columns + 2 * (rows + columns)
        if best is None or cost < best[0]:
            best = cost, ThreadTile(rows, columns, warps)
    assert best is not None  # up to 128 outputs, four warps always have the registers
    return best[1]


def weight_step(inputs: int, itemsize: int) -> int:
    """Return the distance of rows of W in shared memory: an odd number of vectors.

    So eight neighbouring rows begin in different banks.
    """
    per_vector = _VECTOR_BYTES // itemsize
    vectors = -(-inputs // per_vector)
    return (vectors | 1) * per_vector


@dataclass(frozen=True)
class BlockLayout:
    """Where things lie in the shared memory of a block; all distances and places in numbers.

    Attributes
    ----------
    a_step : int
        The distance of rows of activations, which begin at 0.
    weights : int
        Where resident weights, or a panel of weights, begin.
    places : tuple of int
        Where each layer's W begins, from `weights` on; empty where weights are not resident.
    panel : int
        The terms k of a panel.
    panel_step : int
        The distance of rows of a panel.
    bytes : int
        All of it.
    """

    a_step: int
    weights: int
    places: tuple[int, ...]
    panel: int
    panel_step: int
    bytes: int


def block_layout(
    layers: Sequence[NarrowLayer], tile_rows: int, itemsize: int, limit: int
) -> BlockLayout:
    """Return the layout, with resident weights if a block with them needs at most `limit` bytes."""
    widest = max(max(layer.inputs, layer.outputs) for layer in layers)
    # Rows begin 8 numbers after those before, up to multiples of all banks: the lanes that store
    # eight outputs of up to four rows meet in no bank.
    banks = _BANKS_BYTES // itemsize
    a_step = -(-(widest - LANES_OF_OUTPUTS) // banks) * banks + LANES_OF_OUTPUTS
    weights = tile_rows * a_step
    rows_of_w = [thread_tile(layer.outputs, tile_rows, itemsize).outputs for layer in layers]
    panel = _BYTES_OF_PANEL // itemsize
    panel_step = weight_step(panel, itemsize)

    places, end = [], 0
    for layer, rows in zip(layers, rows_of_w, strict=True):
        places.append(end)
        end += rows * weight_step(layer.inputs, itemsize)
    if (weights + end) * itemsize > limit:
        places, end = [], max(rows_of_w) * panel_step
    return BlockLayout(
        a_step, weights, tuple(places), panel, panel_step, (weights + end) * itemsize
    )
