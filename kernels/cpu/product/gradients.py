"""The gradients of the parameters of a layer, tile by tile, each applied as soon as it is whole.

A task has some columns of a weight, for all outputs.  It lays out these columns of the input, panel
by panel, and then goes along the rows of the weight: the optimizer reads and writes up to three
arrays of its shape, which are often larger than what the caches hold or than their tables of pages
reach, and each page is to be visited once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .backward import PLACES_ASKED
from .parts import bounds_of_part
from .recorded_layer import RecordedLayer
from .tile import CACHE_LINE, FAR_BYTES
from .words import LayerWords, PassWords, RecordWords

if TYPE_CHECKING:
    from ..codegen.function import Function, Module
    from ..codegen.values import Address, Int

_PLACES = (RecordWords.P, RecordWords.STATE1, RecordWords.STATE2)
"""Where the gradient of a weight is applied."""

_TASK = ("address", "int", "int", "address", "int", "address")


def write_weight_task(module: Module) -> None:
    """Write `weight_task(job, layer, task, x, ldx, scratch)`.

    It computes the gradient of a weight in its columns from ``task * span`` on, `span` being
    `RecordWords.SPAN`, a multiple of a tile's width.  The scratch has room for so many columns of
    `RecordWords.HELD` rows of the input and, if the batch has more rows than that, of all outputs.
    """
    isa = module.isa
    tile_bytes = isa.tile_rows * isa.tile_vectors * isa.vector_bytes
    with module.function("weight_task", *_TASK, private=True) as kernel:
        f, job, index, number, x, ldx, scratch = kernel
        layer = RecordedLayer(job, index)
        rows, panels = job.int(PassWords.ROWS), layer.words.int(LayerWords.PANELS)
        held, span = layer.record.int(RecordWords.HELD), layer.record.int(RecordWords.SPAN)
        wide = isa.tile_vectors * f.lanes
        k = number * span
        columns = (layer.features - k).min(span)
        task = _WeightTask(f, job, layer, k, columns)
        own, tiles = f.buffer(tile_bytes), scratch.reals(held * span)
        with f.loop(0, rows, held) as r:
            n = (rows - r).min(held)
            f.call("copy_columns", x.reals(r * ldx + k), ldx, n, columns, scratch)
            with f.loop(0, panels) as panel, f.loop(0, columns, wide) as c:
                o, h = layer.panel_of_outputs(panel)
                g = (rows > held).select(tiles.reals(c * layer.outputs + o * wide), own)
                task.add(g, o, h, c, scratch.reals(c * n), r, n)


def write_few_task(module: Module) -> None:
    """Write `few_task(job, layer, task, x, ldx, scratch, held)`, for a batch of few rows.

    The same with `PassWords.APPLY_FEW`, for the columns of ``task // parts`` in one of the `parts`
    of the outputs, `RecordWords.PARTS`.  The scratch has the columns that are `held`, by their
    number, or none where that is -1; the kernel gives the number of those that it leaves there.
    """
    with module.function("few_task", *_TASK, "int", result="int", private=True) as kernel:
        f, job, index, number, x, ldx, scratch, held = kernel
        layer = RecordedLayer(job, index)
        parts, span = layer.record.int(RecordWords.PARTS), layer.record.int(RecordWords.SPAN)
        column = number // parts
        k = column * span
        columns = (layer.features - k).min(span)
        with f.when(~column.equals(held)):
            f.call("copy_columns", x.reals(k), ldx, job.int(PassWords.ROWS), columns, scratch)
        panels = layer.words.int(LayerWords.PANELS)
        begin, end = bounds_of_part(panels, number % parts, parts)
        with f.loop(begin, end) as panel:
            o, height = layer.panel_of_outputs(panel)
            at = o * layer.features + k
            f.call_at(
                job.address(PassWords.APPLY_FEW),
                *(layer.record.address(word).reals(at) for word in _PLACES),
                layer.record.address(RecordWords.STRIPS).reals(o * job.int(PassWords.WIDTH)),
                *(scratch, job.int(PassWords.ROWS), height, columns, layer.features),
                job.address(PassWords.WEIGHT_SETTINGS),
            )
        f.returns(column)


@dataclass
class _WeightTask:
    """The gradient of some columns of a weight.

    Attributes
    ----------
    f : Function
        The kernel.
    job : Address
        The pass.
    layer : RecordedLayer
        The layer.
    k, columns : Int
        The first of the columns, and how many there are.
    """

    f: Function
    job: Address
    layer: RecordedLayer
    k: Int
    columns: Int

    def __post_init__(self) -> None:
        f, record = self.f, self.layer.record
        self.rows, self.width = self.job.int(PassWords.ROWS), self.job.int(PassWords.WIDTH)
        self.dz, self.step = record.address(RecordWords.STRIPS), self.layer.outputs * self.width
        self.wide = f.isa.tile_vectors * f.lanes
        self.places = [record.address(word) for word in _PLACES]
        self.next, self.nothing = (f.buffer(PLACES_ASKED * 8) for _ in range(2))
        for number, place in enumerate(self.places):
            self.nothing.store(place.as_int(), number)
        self.far = self.layer.outputs * self.layer.features * f.real_bytes > FAR_BYTES

    def add(
        self, g: Address, output: Int, height: Int, c: Int, x: Address, row: Int, count: Int
    ) -> None:
        """Add `count` rows from `row` on to a tile g, and apply it when it is whole.

        `x` are the columns of these rows that the tile has, `c` columns after the task's first.
        """
        f, layer = self.f, self.layer
        last = row + count >= self.rows
        # While few rows are added there is no time: then all is asked for before.
        enough = count >= PLACES_ASKED * self.width
        meanwhile = last & self.far & enough
        with f.when(last & self.far):
            self._list(output, height, c)
            with f.when(~enough):
                self._ask(height)
        dz = self.dz.reals(row // self.width * self.step + output * self.width)
        f.call(
            "weight_gradient",
            *(dz, self.step, self.width, x, count, height, g, row.equals(0).as_int()),
            meanwhile.select(self.next, self.nothing),
            meanwhile.select(layer.features * f.real_bytes, f.int(0)),
        )
        with f.when(last):
            at = output * layer.features + self.k + c
            f.call_at(
                self.job.address(PassWords.APPLY),
                *(place.reals(at) for place in self.places),
                *(g, height, (self.columns - c).min(self.wide), layer.features),
                self.job.address(PassWords.WEIGHT_SETTINGS),
            )

    def _list(self, output: Int, height: Int, c: Int) -> None:
        """List where the parts of a weight, and of what is remembered of it, lie that come next.

        Their rows are in as many pages, where no processor looks for them by itself.
        """
        layer = self.layer
        along = c + self.wide < self.columns
        below = (output + height).min(layer.outputs - 1)
        row, column = along.select(output, below), along.select(c + self.wide, self.f.int(0))
        at = row * layer.features + self.k + column
        for number, place in enumerate(self.places):
            self.next.store(place.reals(at).as_int(), number)

    def _ask(self, height: Int) -> None:
        """Ask for what is listed at once."""
        first = self.next.int()
        self._ask_for(self.next.address(), height)
        for number in range(1, PLACES_ASKED):
            # What an optimizer does not remember has the place of the weight.
            with self.f.when(~self.next.int(number).equals(first)):
                self._ask_for(self.next.address(number), height)

    def _ask_for(self, place: Address, height: Int) -> None:
        f = self.f
        with f.loop(0, height) as row:
            line = place.reals(row * self.layer.features)
            for byte in range(0, self.wide * f.real_bytes, CACHE_LINE):
                f.prefetch(line.bytes(byte), cache=1)


def write_bias_task(module: Module) -> None:
    """Write `bias_task(job, layer)`: the gradient of a bias."""
    isa = module.isa
    with module.function("bias_task", "address", "int") as (f, job, index):
        layer = RecordedLayer(job, index)
        record, width, rows = layer.record, job.int(PassWords.WIDTH), job.int(PassWords.ROWS)
        dz, step = record.address(RecordWords.STRIPS), layer.outputs * width
        g = f.buffer(isa.tile_rows * f.real_bytes + isa.vector_bytes)
        with (
            f.when(record.address(RecordWords.BIAS_P).as_int() > 0),
            f.loop(0, layer.words.int(LayerWords.PANELS)) as panel,
        ):
            o, h = layer.panel_of_outputs(panel)
            f.call("bias_gradient", dz.reals(o * width), step, width, rows, h, g)
            states = (RecordWords.BIAS_STATE1, RecordWords.BIAS_STATE2)
            f.call_at(
                job.address(PassWords.SWEEP),
                *(record.address(RecordWords.BIAS_P).reals(o), g),
                *(record.address(word).reals(o) for word in states),
                *(h, job.address(PassWords.BIAS_SETTINGS)),
            )
