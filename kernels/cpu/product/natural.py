"""A layer on a chunk of a batch that reads the weight as it lies, row after row.

A training step changes the weight each time, and to pack it anew takes longer than it saves.  What
a tile reads of it is copied instead, row after row into the first cache, so that all elements lie
at constant distances from one address.  Where a weight is near and
is read for one panel alone, a lower tile reads it where it is: each of its rows has an address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .parts import bounds_of_part
from .tile import (
    BLOCK,
    CACHE_LINE,
    ROWS_ASKED,
    chains_of_block,
    chains_of_rows,
    finish,
)
from .words import LayerWords

if TYPE_CHECKING:
    from ..codegen.function import Function, Module
    from ..codegen.values import Address, Int, Real

DIRECT_ROWS = 8
"""The height of the largest tile that copies nothing: as many addresses as have registers."""

DIRECT_BYTES = 1 << 22
"""Bytes of a weight up to which nothing is copied for a single panel."""


def _apart(f: Function) -> int:
    """Return how far the rows of the copy are apart.

    By a power of two they would share sets of the cache.  By whole cache lines what a tile
    multiplies by at once lies at the same place of its line, and then Intel's processors load it 5
    to 10 % more slowly.
    """
    return BLOCK + CACHE_LINE // 4 // f.real_bytes


def write_natural_layer(module: Module) -> None:
    """Write `natural_layer(description, x, z, a, rows, part, parts)`.

    What `layer_part` does, with the same bits.
    """
    isa = module.isa
    highest = {"copied": isa.tile_rows, "direct": min(DIRECT_ROWS, isa.tile_rows)}
    for vectors in range(1, isa.tile_vectors + 1):
        for kind, most in highest.items():
            for rows in range(1, most + 1):
                _write_tile(module, kind, rows, vectors)
    kinds = ("address", "address", "address", "address", "int", "int", "int")
    with module.function("natural_layer", *kinds) as (f, layer, x, z, a, rows, part, parts):
        lanes, wide = f.lanes, isa.tile_vectors * f.lanes
        K, N = layer.int(LayerWords.FEATURES), layer.int(LayerWords.OUTPUTS)
        weights, bias = layer.address(LayerWords.NATURAL), layer.address(LayerWords.BIAS)
        floor = layer.ints(LayerWords.FLOOR).real()
        activation = layer.address(LayerWords.ACTIVATION)
        settings = layer.address(LayerWords.SETTINGS)
        width = (rows <= lanes).select(f.int(lanes), f.int(wide))
        direct = (rows <= width) & (K * N * f.real_bytes <= DIRECT_BYTES)
        narrow, full = (
            direct.select(*(_tiles(f, kind, highest[kind], v) for kind in ("direct", "copied")))
            for v in (1, isa.tile_vectors)
        )
        table = (rows <= lanes).select(narrow, full)
        panels = N.ceil_div(direct.select(*(f.int(highest[k]) for k in ("direct", "copied"))))
        height, larger = N // panels, N % panels
        begin, end = bounds_of_part(panels, part, parts)
        top = begin * height + begin.min(larger)
        copied = f.buffer(isa.tile_rows * _apart(f) * f.real_bytes)
        with f.loop(0, K, BLOCK) as k:
            n = (K - k).min(BLOCK)
            first, last = k.equals(0).as_int(), (k + BLOCK >= K).as_int()
            with f.loop(begin, end) as p:
                h, o = height + (p < larger).as_int(), p * height + p.min(larger)
                tile = table.address(h - 1)
                W = weights.reals(o * K + k)
                with f.when(~direct):
                    _copy(f, W, K, h, n, copied)
                factor = direct.select(W, copied)
                following = (p + 1 < end).select(W.reals(h * K), weights.reals(top * K + k + BLOCK))
                with f.loop(0, rows, width) as r:
                    at = r * N + o * width
                    f.call_at(
                        tile,
                        *(factor, x.reals(r * K + k * width), z.reals(at), n, first, last),
                        *(bias.reals(o), floor, following.reals(r // width * ROWS_ASKED * K), K),
                    )
                    with f.when(last.equals(1) & (activation.as_int() > 0)):
                        f.call_at(activation, z.reals(at), a.reals(at), h * width, settings)


def _copy(f: Function, W: Address, ldw: Int, rows: Int, columns: Int, to: Address) -> None:
    whole = columns // f.lanes * f.lanes
    mask = f.first_lanes(columns - whole)
    with f.loop(0, rows) as i:
        source, target = W.reals(i * ldw), to.reals(i * _apart(f))
        with f.loop(0, whole, f.lanes) as k:
            target.store(source.vector(k), k)
        target.store(source.vector(whole, mask), whole)


def _tiles(f: Function, kind: str, highest: int, vectors: int) -> Address:
    return f.pointers([f"{kind}_{rows}_{vectors}" for rows in range(1, highest + 1)])


def _write_tile(module: Module, kind: str, rows: int, vectors: int) -> None:
    """Write `KIND_R_V(a, b, c, n, first, last, bias, floor, next, ldw)`.

    a is a copy, or the weight itself.  With a copy, the tile meanwhile asks for `ROWS_ASKED` rows
    of the weight from `next` on.
    """
    with module.function(
        f"{kind}_{rows}_{vectors}",
        *("address", "address", "address", "int", "int", "int", "address", "real"),
        *("address", "int"),
        private=True,
    ) as (f, a, b, c, n, first, last, bias, floor, following, ldw):
        lanes = f.lanes
        width = vectors * lanes
        lowest = floor.splat()
        if kind == "direct":
            sums = chains_of_rows(f, n, a, ldw, b, rows, vectors)
        else:
            sums = chains_of_block(f, n, a, b, (_apart(f), 1), rows, vectors, following, ldw)

        def complete(total: Real, i: int, _j: int) -> Real:
            whole: Real = (total + bias.real(i).splat()).above(lowest)
            return whole

        def place(i: int, j: int) -> tuple[Address, Any]:
            return c.reals(i * width + j * lanes), None

        finish(f, sums, first.equals(1), last.equals(1), place, complete)
