"""The products of the backward pass, on panels: the gradients of a layer's input and of its weight.

    da[k, r] = sum over o of W[o, k] dz[o, r]        dW[o, k] = sum over r of dz[o, r] x[r, k]

The first reads the weight as it lies, the second a few columns of the input at a time; neither
makes a transposed copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .panels import transpose
from .tile import BLOCK, CACHE_LINE, ROW_BLOCK, ROWS_ASKED, chains, chains_of_block, finish

if TYPE_CHECKING:
    from ..codegen.function import Function, Module
    from ..codegen.instruction_set import InstructionSet
    from ..codegen.values import Address, Int

PLACES_ASKED = 3
"""Places that a tile of a weight's gradient asks for: in the weight, and in what an optimizer
remembers of it."""

ROW_BYTES = 1024
"""Bytes of each row of a weight that are asked for together: enough for a processor to see that
they follow one another, and to read ahead."""


def turned_features(isa: InstructionSet, real_bytes: int) -> int:
    """Return of how many features `input_gradient` computes the gradient at once."""
    return ROW_BYTES // (isa.tile_rows * real_bytes) * isa.tile_rows


def turned_elements(isa: InstructionSet, real_bytes: int) -> int:
    """Return how many elements `input_gradient` needs for its copy."""
    # A vector may go beyond the last row.
    return BLOCK * isa.tile_rows + isa.vector_bytes // real_bytes


def write_input_gradient(module: Module) -> None:
    """Write `input_gradient`, which adds a block of outputs to some features of da.

    Its arguments are ``(W, outputs, features, dz, dz_step, da, width, panels, first, count, begins,
    copied)``.  dz and da are panels of one width, those of dz `dz_step` elements apart; W and dz
    begin with one of the outputs, of which there are `BLOCK` at most, and the features are the
    `count` from `first` on, `turned_features` at most.  Where it `begins`, nothing is in da.

    A strip of W, what one tile reads, is copied to `copied` first.  So its terms lie at constant
    distances: at others a multiply-add that loads its factor is two operations to Intel's
    processors, and as rows of W may be in pages of their own and share few sets of a cache, it
    waits for one line after the other, where a copy has many under way.  The strips that follow
    are asked for meanwhile, 1 KiB of each row at once.
    """
    isa = module.isa
    strip = isa.tile_rows
    for vectors in range(1, isa.tile_vectors + 1):
        for rows in range(1, strip + 1):
            _write_turned_tile(module, rows, vectors)
    kinds = ("address", "int", "int", "address", "int", "address", *["int"] * 5, "address")
    with module.function("input_gradient", *kinds) as (f, *arguments):
        W, outputs, features, dz, dz_step, da, width, panels, first, count, begins, copied = (
            arguments
        )
        names = [
            f"turned_{r}_{v}" for v in range(1, isa.tile_vectors + 1) for r in range(1, strip + 1)
        ]
        tiles = f.pointers(names)
        vectors = width // f.lanes
        end = first + turned_features(isa, f.real_bytes)
        following = (end < features).select(W.reals(end), W.reals(BLOCK * features))
        with f.loop(0, count, strip) as k:
            rows = (count - k).min(strip)
            tile = tiles.address((vectors - 1) * strip + rows - 1)
            _copy_strip(f, W.reals(first + k), features, outputs, copied, rows)
            with f.loop(0, panels) as q:
                c = da.reals((q * features + first + k) * width)
                row = (k // strip * panels + q) * ROWS_ASKED
                more = row < outputs  # else all is asked for, and what is near costs nothing
                asked = more.select(following.reals(row * features), copied)
                gap = more.select(features, f.int(0))
                f.call_at(tile, copied, dz.reals(q * dz_step), c, outputs, begins, asked, gap)


def _copy_strip(
    f: Function, W: Address, features: Int, outputs: Int, to: Address, there: Int
) -> None:
    """Copy the first `there` elements of some rows of W, one strip.

    What is too much will be overwritten by the next row.
    """
    strip = f.isa.tile_rows
    masks = {j: f.first_lanes(there - j) for j in range(0, strip, f.lanes)}

    def copy(at: list[Any]) -> list[Any]:
        for j, mask in masks.items():
            at[1].store(at[0].vector(j, mask), j)
        return [at[0].reals(features), at[1].reals(strip)]

    f.repeat(outputs, [W, to], copy)


def _write_turned_tile(module: Module, rows: int, vectors: int) -> None:
    """Write `turned_R_V(a, b, c, n, first, next, ldw)`: the tile's rows are columns of a, a strip.

    Meanwhile it asks for rows of the weight from `next` on, which are copied next.
    """
    with module.function(
        f"turned_{rows}_{vectors}",
        *("address", "address", "address", "int", "int", "address", "int"),
        private=True,
    ) as (f, a, b, c, n, first, following, ldw):
        lanes = f.lanes
        width = vectors * lanes
        sums = chains_of_block(f, n, a, b, (1, module.isa.tile_rows), rows, vectors, following, ldw)
        never = f.int(0).equals(1)
        finish(
            f,
            sums,
            first.equals(1),
            never,
            lambda i, j: (c.reals(i * width + j * lanes), None),
            lambda total, _i, _j: total,
        )


def write_strips(module: Module) -> None:
    """Write `strips(dz, to, width, outputs)`: some outputs of a panel, row after row.

    dz has `outputs` outputs, as many as a tile is high at most, of `width` rows; `to` may be the
    same place.  So a tile finds all it multiplies at one row side by side.  Where each output is
    `width` elements from the next, all lie at one place of their cache lines, and Intel's
    processors load them 5 to 10 % more slowly.
    """
    isa = module.isa
    with module.function("strips", "address", "address", "int", "int") as kernel:
        f, dz, to, width, outputs = kernel
        lanes = f.lanes
        rows = isa.tile_vectors * lanes
        # Squares of vectors may begin at the last output.
        copied = f.buffer((isa.tile_rows + lanes) * rows * f.real_bytes)
        with f.loop(0, outputs) as o, f.loop(0, width, lanes) as r:
            copied.store(dz.vector(o * width + r), o * rows + r)
        groups = outputs.ceil_div(lanes)
        with f.loop(0, width, lanes) as r, f.loop(0, groups) as back:
            o = (groups - 1 - back) * lanes
            square, target = copied.reals(o * rows + r), to.reals(r * outputs + o)
            turned = transpose([square.vector(i * rows) for i in range(lanes)])
            mask = f.first_lanes(outputs - o)
            with f.either(outputs * 2 >= lanes) as (high, low):
                with high:  # What a row has too much is overwritten by the outputs of the next.
                    for i, row in enumerate(turned):
                        target.store(row, outputs * i, mask if i == lanes - 1 else None)
                with low:
                    for i, row in enumerate(turned):
                        target.store(row, outputs * i, mask)


def write_weight_gradient(module: Module) -> None:
    """Write `weight_gradient(dz, panel_step, width, x, rows, outputs, g, first)`.

    dz begins with the first strip of the tile, and the panels lie `panel_step` elements apart; x
    holds as many columns of the input as a tile is wide, row after row without gaps.  For `outputs`
    outputs, as many as a tile is high at most, it sums over `rows` rows of the batch to the tile g,
    row after row: for `first` as if nothing were there.  Later rows begin with a block.

    Meanwhile it asks for what the next tile will be applied to: for each panel of rows, the lines
    of another of the `PLACES_ASKED` places that `ask` lists, whose rows lie `ask_bytes` apart.
    """
    kinds = ("address", "int", "int", "address", "int", "int", "address", "int", "address", "int")
    heights = range(1, module.isa.tile_rows + 1)
    for height in heights:
        _write_weight_tile(module, height)
    with module.function("weight_gradient", *kinds) as (f, *arguments):
        dz, panel_step, width, x, rows, outputs, g, first, *ask = arguments
        tile = f.pointers([f"weight_{height}" for height in heights]).address(outputs - 1)
        f.call_at(tile, dz, panel_step, width, x, rows, g, first, *ask)


def _write_weight_tile(module: Module, rows: int) -> None:
    """Write `weight_R(dz, panel_step, width, x, n, g, first, ask, ask_bytes)`."""
    vectors = module.isa.tile_vectors
    with module.function(
        f"weight_{rows}",
        *("address", "int", "int", "address", "int", "address", "int", "address", "int"),
        private=True,
    ) as (f, dz, panel_step, width, x, n, g, first, ask, ask_bytes):
        lanes = f.lanes
        columns = vectors * lanes

        with f.loop(0, n, ROW_BLOCK) as r:
            block = (n - r).min(ROW_BLOCK)
            start = dz.reals(r // width * panel_step)

            def advance(at: list[Any], steps: int) -> list[Any]:
                a, b, place = at
                if steps > 1:
                    for line in range(-(-columns * f.real_bytes // CACHE_LINE)):
                        f.prefetch(place.bytes(line * CACHE_LINE), cache=1)
                    place = place.bytes(ask_bytes)
                return [a.reals(steps * rows), b.reals(steps * columns), place]

            def panel(values: list[Any]) -> list[Any]:
                *sums, a, b, left, number = values
                count = left.min(width)
                sums = chains(
                    f,
                    count,
                    (a, b, ask.address(number % PLACES_ASKED)),
                    advance=advance,
                    element=lambda at, i, s: at[0].reals(s * rows + i),
                    vector=lambda at, j, s: at[1].vector(s * columns + j * lanes),
                    rows=rows,
                    vectors=vectors,
                    start=sums,
                )
                flat = [value for row in sums for value in row]
                return [
                    *flat,
                    a.reals(panel_step),
                    b.reals(count * columns),
                    left - count,
                    number + 1,
                ]

            values = [f.number(0.0)] * (rows * vectors)
            summed = f.repeat(
                block.ceil_div(width),
                [*values, start, x.reals(r * columns), block, r // width],
                panel,
            )
            sums = [summed[i * vectors : (i + 1) * vectors] for i in range(rows)]
            finish(
                f,
                sums,
                r.equals(0) & first.equals(1),
                f.int(0).equals(1),
                lambda i, j: (g.reals((i * vectors + j) * lanes), None),
                lambda total, _i, _j: total,
            )


def write_copy_columns(module: Module) -> None:
    """Write `copy_columns(x, ldx, rows, columns, to)`: columns of x in panels as wide as a tile.

    A panel has its columns of one row after the other, without gaps; beyond `columns` it is zero.
    The rows of a batch may lie so far apart that they share few sets of a cache and each is in a
    page of its own.  Each row asks for what the next such copy will read of it.
    """
    kinds = ("address", "int", "int", "int", "address")
    with module.function("copy_columns", *kinds) as (f, x, ldx, rows, columns, to):
        vectors = f.isa.tile_vectors
        wide = vectors * f.lanes
        with f.loop(0, rows) as r, f.loop(0, columns, wide) as c:
            for j in range(vectors):
                mask = f.first_lanes(columns - c - j * f.lanes)
                at = r * ldx + c + j * f.lanes
                f.prefetch(x.reals(at + wide))
                to.store(x.vector(at, mask), c * rows + r * wide + j * f.lanes)


def write_bias_gradient(module: Module) -> None:
    """Write `bias_gradient(dz, panel_step, width, rows, outputs, g)`: sums of dz over the rows.

    dz begins with the panels' strip of these outputs.
    """
    kinds = ("address", "int", "int", "int", "int", "address")
    with module.function("bias_gradient", *kinds) as (f, dz, panel_step, width, rows, outputs, g):
        lanes = f.lanes
        with f.loop(0, outputs, lanes) as o:
            there = f.first_lanes(outputs - o)
            total = f.variable(f.number(0.0))
            with f.loop(0, rows, ROW_BLOCK) as r:
                block, end = f.variable(f.number(0.0)), (r + ROW_BLOCK).min(rows)
                with f.loop(r, end, width) as row:
                    panel = dz.reals(row // width * panel_step + o)
                    with f.loop(0, (end - row).min(width)) as i:
                        block.value = block.value + panel.vector(i * outputs, there)
                total.value = total.value + block.value
            g.store(total.value, o, there)
