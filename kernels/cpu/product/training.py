"""Passes that are differentiated: forward with a record, the loss, and backward, on panels.

A chunk of rows goes forward through all layers, through the loss, and back to the input, while it
is in cache; that needs no other row.  When all chunks are done, the gradients of weights and biases
are summed over the whole batch, tile by tile, and each is applied as soon as it is there.  So the
participants share out chunks first and then tiles, and nobody ever adds to what another has summed.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..board import Board
from .backward import (
    write_bias_gradient,
    write_copy_columns,
    write_weight_gradient,
)
from .tile import CACHE_LINE, FAR_BYTES, ROW_BLOCK
from .words import LayerWords, NetworkWords, PassWords, RecordWords

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..codegen.function import Function, Module
    from ..codegen.values import Address, Int


ROWS_AT_ONCE = 2 * ROW_BLOCK
"""Rows of a batch that are added to all tiles of a panel of a weight's gradient, while the columns
of the input that belong to it are in the first cache."""


class _Layer:
    """A layer and its record, by number."""

    def __init__(self, job: Address, index: Int) -> None:
        network = job.address(PassWords.NETWORK)
        self.words = network.ints(index * LayerWords.COUNT + NetworkWords.COUNT)
        self.record = job.address(PassWords.RECORDS).ints(index * RecordWords.COUNT)
        self.features = self.words.int(LayerWords.FEATURES)
        self.outputs = self.words.int(LayerWords.OUTPUTS)

    def panel(self, word: int, row: Int) -> Address:
        """Return where the panel that begins with `row` lies in one of the record's arrays."""
        return self.record.address(word).reals(row * self.outputs)


def write_forward_rows(module: Module) -> None:
    """Write `forward_rows(job, start, rows, scratch)`: the rows of a chunk, with their record."""
    with module.function("forward_rows", "address", "int", "int", "address") as (
        f,
        job,
        start,
        rows,
        scratch,
    ):
        network, width = job.address(PassWords.NETWORK), job.int(PassWords.WIDTH)
        features, layers = network.int(NetworkWords.FEATURES), network.int(NetworkWords.LAYERS)
        x, ldx = job.address(PassWords.X), job.int(PassWords.LDX)
        nothing = f.int(0).as_address()
        with f.loop(0, rows, width) as r:
            f.call_at(
                network.address(NetworkWords.INTO_PANEL),
                *(x.reals((start + r) * ldx), ldx, (rows - r).min(width), features),
                *(scratch.reals(r * features), width, nothing, nothing),
            )
        # Whole panels: what lies in the lanes beyond the batch is never read.
        padded = rows.ceil_div(width) * width
        source = f.variable(scratch)
        with f.loop(0, layers) as index:
            layer = _Layer(job, index)
            z, a = layer.panel(RecordWords.Z, start), layer.panel(RecordWords.A, start)
            f.call_at(job.address(PassWords.LAYER), layer.words, source.value, z, a, padded)
            source.value = a
            to, stride = (
                layer.record.address(RecordWords.ROWS),
                layer.record.int(RecordWords.STRIDE),
            )
            with f.when(to.as_int() > 0):
                _into_rows(f, job, a, layer.outputs, rows, width, to.reals(start * stride), stride)
        y, ldy = job.address(PassWords.Y), job.int(PassWords.LDY)
        with f.when(y.as_int() > 0):
            outputs = network.int(NetworkWords.OUTPUTS)
            _into_rows(f, job, source.value, outputs, rows, width, y.reals(start * ldy), ldy)


def _into_rows(
    f: Function,
    job: Address,
    panels: Address,
    features: Int,
    rows: Int,
    width: Int,
    to: Address,
    stride: Int,
) -> None:
    with f.loop(0, rows, width) as r:
        f.call_at(
            job.address(PassWords.NETWORK).address(NetworkWords.FROM_PANEL),
            *(panels.reals(r * features), width, (rows - r).min(width), features),
            *(to.reals(r * stride), stride),
        )


def write_backward_rows(module: Module) -> None:
    """Write `backward_rows(job, start, rows, scratch)`: from the result of a chunk to its input."""
    with module.function("backward_rows", "address", "int", "int", "address") as (
        f,
        job,
        start,
        rows,
        scratch,
    ):
        network, width = job.address(PassWords.NETWORK), job.int(PassWords.WIDTH)
        layers = network.int(NetworkWords.LAYERS)
        gradient, step = job.address(PassWords.GRADIENT), job.int(PassWords.GRADIENT_STEP)
        last = _Layer(job, layers - 1)
        with f.either(job.address(PassWords.LOSS).as_int() > 0) as (lost, given):
            with lost, f.loop(0, rows, width) as r:
                _loss(f, job, last, start + r, (rows - r).min(width), width)
            with given, f.loop(0, rows, width) as r:
                dy, lddy = job.address(PassWords.DY), job.int(PassWords.LDDY)
                nothing = f.int(0).as_address()
                f.call_at(
                    network.address(NetworkWords.INTO_PANEL),
                    *(dy.reals((start + r) * lddy), lddy, (rows - r).min(width), last.outputs),
                    *(last.panel(RecordWords.DA, start + r), width, nothing, nothing),
                )
        with f.loop(0, rows, width) as r:
            _through_activation(f, last, start + r, f.int(0), last.outputs, width)
            _through_rows(f, last, start + r, width)
        with f.loop(0, layers - 1) as back:
            layer, before = _Layer(job, layers - 1 - back), _Layer(job, layers - 2 - back)
            with f.loop(0, layer.features, step) as k:
                height = (layer.features - k).min(step)
                with f.loop(0, rows, width) as r:
                    f.call_at(
                        gradient,
                        *(layer.record.address(RecordWords.WEIGHT), layer.outputs, layer.features),
                        *(layer.panel(RecordWords.DZ, start + r),),
                        *(before.panel(RecordWords.DA, start + r), width, k, height),
                    )
                    _through_activation(f, before, start + r, k, height, width)
            with f.loop(0, rows, width) as r:
                _through_rows(f, before, start + r, width)
        dx, lddx = job.address(PassWords.DX), job.int(PassWords.LDDX)
        with f.when(dx.as_int() > 0):
            first = _Layer(job, f.int(0))
            with f.loop(0, rows, width) as r:
                with f.loop(0, first.features, step) as k:
                    f.call_at(
                        gradient,
                        *(first.record.address(RecordWords.WEIGHT), first.outputs, first.features),
                        *(first.panel(RecordWords.DZ, start + r), scratch, width, k),
                        (first.features - k).min(step),
                    )
                f.call_at(
                    network.address(NetworkWords.FROM_PANEL),
                    *(scratch, width, (rows - r).min(width), first.features),
                    *(dx.reals((start + r) * lddx), lddx),
                )


def _loss(f: Function, job: Address, last: _Layer, row: Int, there: Int, width: Int) -> None:
    f.call_at(
        job.address(PassWords.LOSS),
        *(last.panel(RecordWords.A, row), last.panel(RecordWords.DA, row)),
        job.address(PassWords.TARGETS).bytes(row * job.int(PassWords.TARGET_BYTES)),
        job.int(PassWords.TARGET_STRIDE),
        job.address(PassWords.WEIGHTS).reals(row),
        job.address(PassWords.LOSSES).reals(row),
        *(last.outputs, width, there, job.address(PassWords.LOSS_SETTINGS)),
    )


def _through_activation(
    f: Function, layer: _Layer, row: Int, feature: Int, count: Int, width: Int
) -> None:
    """Take `count` features of da back through an activation of elements, if there is one."""
    kernel = layer.record.address(RecordWords.BACKWARD)
    with f.when(kernel.as_int() > 0):
        words = (RecordWords.Z, RecordWords.A, RecordWords.DA, RecordWords.DZ)
        places = [layer.panel(word, row).reals(feature * width) for word in words]
        settings = layer.record.address(RecordWords.SETTINGS)
        f.call_at(kernel, *places, count * width, settings)


def _through_rows(f: Function, layer: _Layer, row: Int, width: Int) -> None:
    """Take a panel of da back through an activation of whole rows, if there is one."""
    kernel = layer.record.address(RecordWords.ROW_BACKWARD)
    with f.when(kernel.as_int() > 0):
        words = (RecordWords.Z, RecordWords.A, RecordWords.DA, RecordWords.DZ)
        f.call_at(kernel, *(layer.panel(word, row) for word in words), layer.outputs, width)


def write_weight_task(module: Module) -> None:
    """Write `weight_task(job, layer, columns, x, ldx, scratch)` and `bias_task(job, layer)`.

    The first computes the gradient of a weight in one panel of `columns`, as wide as a tile, the
    second that of a bias.  The scratch has room for `ROWS_AT_ONCE` rows of such a panel and, if the
    batch has more rows than that, for a row for each output.
    """
    tile_bytes = module.isa.tile_rows * module.isa.tile_vectors * module.isa.vector_bytes
    kinds = ("address", "int", "int", "address", "int", "address")
    with module.function("weight_task", *kinds) as (f, job, index, panel, x, ldx, scratch):
        layer = _Layer(job, index)
        record, width, rows = layer.record, job.int(PassWords.WIDTH), job.int(PassWords.ROWS)
        dz, step = record.address(RecordWords.DZ), layer.outputs * width
        p = record.address(RecordWords.P)
        wide = f.isa.tile_vectors * f.lanes
        k = panel * wide
        count = (layer.features - k).min(wide)
        # An optimizer with memory of its own computes long enough for the caches to follow.
        plain = record.address(RecordWords.STATE1).as_int().equals(p.as_int())
        far = plain & (layer.outputs * layer.features * f.real_bytes > FAR_BYTES)
        tile, tiles = f.buffer(tile_bytes), scratch.reals(ROWS_AT_ONCE * wide)
        with f.loop(0, rows, ROWS_AT_ONCE) as r:
            n = (rows - r).min(ROWS_AT_ONCE)
            first, last = r.equals(0).as_int(), r + ROWS_AT_ONCE >= rows
            f.call("copy_columns", x.reals(r * ldx + k), ldx, n, count, scratch)
            begin = dz.reals(r // width * step)
            with _panels(f, layer) as (o, h):
                g = (rows > ROWS_AT_ONCE).select(tiles.reals(o * wide), tile)
                there = begin.reals(o * width)
                with f.when(last & far):
                    _ask_for_rows(f, record, layer, o + h, k)
                f.call("weight_gradient", there, step, width, scratch, n, h, g, first)
                with f.when(last):
                    at = o * layer.features + k
                    words = (RecordWords.P, RecordWords.STATE1, RecordWords.STATE2)
                    f.call_at(
                        job.address(PassWords.APPLY),
                        *(record.address(word).reals(at) for word in words),
                        *(g, h, count, layer.features, job.address(PassWords.WEIGHT_SETTINGS)),
                    )
    with module.function("bias_task", "address", "int") as (f, job, index):
        layer = _Layer(job, index)
        record, width, rows = layer.record, job.int(PassWords.WIDTH), job.int(PassWords.ROWS)
        dz, step = record.address(RecordWords.DZ), layer.outputs * width
        g = f.buffer(tile_bytes)
        with f.when(record.address(RecordWords.BIAS_P).as_int() > 0), _panels(f, layer) as (o, h):
            f.call("bias_gradient", dz.reals(o * width), step, width, rows, h, g)
            states = (RecordWords.BIAS_STATE1, RecordWords.BIAS_STATE2)
            f.call_at(
                job.address(PassWords.SWEEP),
                *(record.address(RecordWords.BIAS_P).reals(o), g),
                *(record.address(word).reals(o) for word in states),
                *(h, job.address(PassWords.BIAS_SETTINGS)),
            )


def _ask_for_rows(f: Function, record: Address, layer: _Layer, output: Int, k: Int) -> None:
    """Ask for the part of a weight that the tile from `output` on will change.

    It lies in as many pages as the tile has rows, where no processor looks for it by itself.
    """
    with f.loop(output, (output + f.isa.tile_rows).min(layer.outputs)) as row:
        place = record.address(RecordWords.P).reals(row * layer.features + k)
        for line in range(-(-f.isa.tile_vectors * f.isa.vector_bytes // CACHE_LINE)):
            f.prefetch(place.bytes(line * CACHE_LINE), cache=1)


@contextmanager
def _panels(f: Function, layer: _Layer) -> Iterator[tuple[Int, Int]]:
    """Run the block for each panel of a layer's outputs, with the first output and their number."""
    height, larger = layer.words.int(LayerWords.HEIGHT), layer.words.int(LayerWords.LARGER)
    with f.loop(0, layer.words.int(LayerWords.PANELS)) as p:
        yield p * height + p.min(larger), height + (p < larger).as_int()


def write_pass_jobs(module: Module) -> None:
    """Write the jobs `forward_pass`, `backward_pass` and `step_pass`, each ``(job, participant)``.

    The second goes back from the loss or a given gradient; the third does all at once.
    """
    for name, parts in (
        ("forward_pass", ("forward_rows",)),
        ("backward_pass", ("backward_rows",)),
        ("step_pass", ("forward_rows", "backward_rows")),
    ):
        with module.function(name, "address", "int") as (f, job, participant):
            board = Board(job.address(PassWords.BOARD), job.int(PassWords.PARTICIPANTS))
            rows, chunk = job.int(PassWords.ROWS), job.int(PassWords.CHUNK)
            own = job.address(PassWords.SCRATCH).bytes(participant * job.int(PassWords.SHARE))
            chunks = rows.ceil_div(chunk)
            with board.tasks(0, chunks, participant) as task:
                start = task * chunk
                for part in parts:
                    f.call(part, job, start, (rows - start).min(chunk), own)
            if "backward_rows" in parts:
                board.wait(0, chunks)
                _weights(f, job, board, participant, own)


def _weights(f: Function, job: Address, board: Board, participant: Int, own: Address) -> None:
    layers = job.address(PassWords.NETWORK).int(NetworkWords.LAYERS)
    x, ldx = f.variable(job.address(PassWords.X)), f.variable(job.int(PassWords.LDX))
    with f.loop(0, layers) as index:
        layer = _Layer(job, index)
        panels = layer.features.ceil_div(f.isa.tile_vectors * f.lanes)
        with (
            board.tasks(index + 1, panels + 1, participant) as task,
            f.either(task < panels) as (weight, bias),
        ):
            with weight:
                f.call("weight_task", job, index, task, x.value, ldx.value, own)
            with bias:
                f.call("bias_task", job, index)
        x.value = layer.record.address(RecordWords.ROWS)
        ldx.value = layer.record.int(RecordWords.STRIDE)


def write_run_pass(module: Module) -> None:
    """Write `run_pass(job, kind)`: kind 0 goes forward, 1 backward, 2 takes a whole step."""
    with module.function("run_pass", "address", "int") as (f, job, kind):
        network, participants = job.address(PassWords.NETWORK), job.int(PassWords.PARTICIPANTS)
        board = Board(job.address(PassWords.BOARD), participants)
        board.clear(network.int(NetworkWords.LAYERS) + 1)
        chosen = f.pointers(["forward_pass", "backward_pass", "step_pass"]).address(kind)
        with f.either(participants > 1) as (together, alone):
            with together:
                f.call_at(
                    network.address(NetworkWords.TEAM_RUN),
                    *(network.address(NetworkWords.TEAM), chosen, job, participants, f.int(1)),
                )
            with alone:
                f.call_at(chosen, job, f.int(0))


def write_passes(module: Module) -> None:
    """Write `run_pass` and what it calls, but for the kernels that words give it."""
    for write in (
        *(write_copy_columns, write_weight_gradient, write_bias_gradient),
        *(write_forward_rows, write_backward_rows, write_weight_task),
        *(write_pass_jobs, write_run_pass),
    ):
        write(module)
