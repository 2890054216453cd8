"""A whole network on a batch of many rows: chunks of it are carried through all layers in cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..board import Board
from .words import JobWords, LayerWords, NetworkWords

if TYPE_CHECKING:
    from ..codegen.function import Function, Module
    from ..codegen.values import Address, Int, Truth


def write_chunk(module: Module) -> None:
    """Write `chunk(network, x, ldx, rows, y, ldy, scratch, activate)`.

    It computes `rows` rows, as many as `scratch` has room for: the logits, or with `activate` the
    prediction.
    """
    kinds = ("address", "address", "int", "int", "address", "int", "address", "int")
    with module.function("chunk", *kinds) as (f, network, x, ldx, rows, y, ldy, scratch, activate):
        wide = f.isa.tile_vectors * f.lanes
        features, outputs = network.int(NetworkWords.FEATURES), network.int(NetworkWords.OUTPUTS)
        mean, scale = network.address(NetworkWords.MEAN), network.address(NetworkWords.SCALE)
        half = network.int(NetworkWords.WIDEST) * (rows.ceil_div(wide) * wide)
        with f.loop(0, rows, wide) as r:
            there = (rows - r).min(wide)
            f.call(
                "into_panel",
                *(x.reals(r * ldx), ldx, there, features, scratch.reals(r * features)),
                *(panel_width(f, there), mean, scale),
            )
        source, target = f.variable(scratch), f.variable(scratch.reals(half))
        layer = f.variable(network.ints(NetworkWords.COUNT))
        with f.loop(0, network.int(NetworkWords.LAYERS)):
            to = target.value
            f.call("layer", layer.value, source.value, to, to, rows)
            target.value = source.value
            source.value = to
            layer.value = layer.value.ints(LayerWords.COUNT)
        logits = source.value
        with f.loop(0, rows, wide) as r:
            there = (rows - r).min(wide)
            width, panel = panel_width(f, there), logits.reals(r * outputs)
            with f.when(activate > 0):
                apply_output(f, network, panel, outputs, width)
            f.call("from_panel", panel, width, there, outputs, y.reals(r * ldy), ldy)


def panel_width(f: Function, rows: Int) -> Int:
    """Return the width of the panel of the last `rows` rows of a chunk."""
    lanes, vectors = f.lanes, f.isa.tile_vectors
    narrow: Truth = rows <= (vectors - 1) * lanes
    width: Int = narrow.select(f.int(lanes), f.int(vectors * lanes))
    return width


def apply_output(f: Function, network: Address, panel: Address, features: Int, width: Int) -> None:
    """Apply what prediction applies to the logits to a panel of them, in place."""
    settings = network.address(NetworkWords.SETTINGS)
    by_element = network.address(NetworkWords.OUTPUT)
    by_row = network.address(NetworkWords.ROW_OUTPUT)
    with f.when(by_element.as_int() > 0):
        f.call_at(by_element, panel, panel, features * width, settings)
    with f.when(by_row.as_int() > 0):
        f.call_at(by_row, panel, panel, features, width)


def write_chunk_job(module: Module) -> None:
    """Write `chunk_job(job, participant)`: the participants share out the chunks of a batch."""
    with module.function("chunk_job", "address", "int") as (f, job, participant):
        network, scratch = job.address(JobWords.NETWORK), job.address(JobWords.SCRATCH)
        x, ldx = job.address(JobWords.X), job.int(JobWords.LDX)
        y, ldy = job.address(JobWords.Y), job.int(JobWords.LDY)
        rows, size = job.int(JobWords.ROWS), job.int(JobWords.CHUNK)
        count = rows.ceil_div(size)
        board = Board(job.address(JobWords.BOARD), job.int(JobWords.PARTICIPANTS))
        own = scratch.bytes(participant * job.int(JobWords.SHARE))
        with board.tasks(0, count, participant) as task:
            start = task * size
            f.call(
                "chunk",
                *(network, x.reals(start * ldx), ldx, (rows - start).min(size)),
                *(y.reals(start * ldy), ldy, own, job.int(JobWords.ACTIVATE)),
            )
