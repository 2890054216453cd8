"""One layer of a network on a chunk of a batch, and a whole network on a whole batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .parts import bounds_of_part
from .tile import BLOCK, CACHE_LINE, chains, finish
from .words import LayerWords

if TYPE_CHECKING:
    from ..codegen.function import Function, Module
    from ..codegen.values import Int, Real, Truth


def write_tiles(module: Module) -> None:
    """Write the tiles `tile_R_V(a, b, c, n, first, last, bias, floor)`.

    c[i, j] is what is there, or nothing for `first`, plus the chain of `n` terms a[i, k] * b[k, j]:
    a packed R high, b and c panels V vectors wide.  For `last` the bias of each row is added and
    what is below `floor` becomes `floor`.  Each step asks for what lies `ahead` bytes on in a: the
    next tile's, which may still be in a slower cache.
    """
    for vectors in range(1, module.isa.tile_vectors + 1):
        for rows in range(1, module.isa.tile_rows + 1):
            _write_tile(module, rows, vectors)


def _write_tile(module: Module, rows: int, vectors: int) -> None:
    with module.function(
        f"tile_{rows}_{vectors}",
        *("address", "address", "address", "int", "int", "int", "address", "real", "int"),
        private=True,
    ) as (f, a, b, c, n, first, last, bias, floor, ahead):
        lanes = f.lanes
        width = vectors * lanes

        def advance(at: list[Any], steps: int) -> list[Any]:
            if steps > 1:
                for line in range(-(-steps * rows * f.real_bytes // CACHE_LINE)):
                    f.prefetch(at[0].bytes(ahead + line * CACHE_LINE))
            return [at[0].reals(steps * rows), at[1].reals(steps * width)]

        sums = chains(
            f,
            n,
            (a, b),
            advance=advance,
            element=lambda at, i, s: at[0].reals(s * rows + i),
            vector=lambda at, j, s: at[1].vector(s * width + j * lanes),
            rows=rows,
            vectors=vectors,
        )
        lowest = floor.splat()

        def complete(total: Real, i: int, _j: int) -> Real:
            whole: Real = (total + bias.real(i).splat()).above(lowest)
            return whole

        finish(
            f,
            sums,
            first.equals(1),
            last.equals(1),
            lambda i, j: (c.reals(i * width + j * lanes), None),
            complete,
        )


def write_layer(module: Module) -> None:
    """Write `layer(description, x, z, a, rows)`, and `layer_part` for a part of its outputs.

    x, z and a are chunks in panels; z and a may be one.  Each tile of z is finished with the bias
    and the floor, and then the activation, if there is one, takes it to a while it is in the first
    cache; one of whole rows is applied to whole panels at the end.
    """
    _write_part(module)
    with module.function("layer", "address", "address", "address", "address", "int") as (
        f,
        layer,
        x,
        z,
        a,
        rows,
    ):
        f.call("layer_part", layer, x, z, a, rows, f.int(0), f.int(1))
        N, wide = layer.int(LayerWords.OUTPUTS), f.isa.tile_vectors * f.lanes
        narrow, batch_panels = _last_is_narrow(f, rows), rows.ceil_div(wide)
        by_row = layer.address(LayerWords.ROW_ACTIVATION)
        with f.when(by_row.as_int() > 0), f.loop(0, batch_panels) as q:
            width = (narrow & (q + 1 >= batch_panels)).select(f.int(f.lanes), f.int(wide))
            at = q * N * wide
            f.call_at(by_row, z.reals(at), a.reals(at), N, width)


def _last_is_narrow(f: Function, rows: Int) -> Truth:
    """Return whether the last panel of a chunk is one vector wide."""
    lanes, vectors = f.lanes, f.isa.tile_vectors
    rest = rows % (vectors * lanes)
    narrow: Truth = (rest > 0) & (rest <= (vectors - 1) * lanes)
    return narrow


def _write_part(module: Module) -> None:
    """Write `layer_part(description, x, z, a, rows, part, parts)`.

    As `layer`, for a part of its outputs, without an activation of whole rows.
    """
    isa = module.isa
    kinds = ("address", "address", "address", "address", "int", "int", "int")
    with module.function("layer_part", *kinds) as (f, layer, x, z, a, rows, part, parts):
        lanes, wide = f.lanes, isa.tile_vectors * f.lanes
        K, N = layer.int(LayerWords.FEATURES), layer.int(LayerWords.OUTPUTS)
        weights, bias = layer.address(LayerWords.WEIGHTS), layer.address(LayerWords.BIAS)
        floor = layer.ints(LayerWords.FLOOR).real()
        activation, settings = (
            layer.address(LayerWords.ACTIVATION),
            layer.address(LayerWords.SETTINGS),
        )
        height, larger = layer.int(LayerWords.HEIGHT), layer.int(LayerWords.LARGER)
        begin, end = bounds_of_part(layer.int(LayerWords.PANELS), part, parts)
        narrow = _last_is_narrow(f, rows)
        tables = [
            f.pointers([f"tile_{r}_{v}" for r in range(1, isa.tile_rows + 1)])
            for v in range(1, isa.tile_vectors + 1)
        ]
        batch_panels = rows.ceil_div(wide)
        with f.loop(0, K, BLOCK) as k:
            n = (K - k).min(BLOCK)
            first, last = k.equals(0).as_int(), (k + BLOCK >= K).as_int()
            with f.loop(begin, end) as p:
                h = (p < larger).select(height + 1, height)
                o = p * height + p.min(larger)
                factor = weights.reals(o * K + k * h)
                shift = bias.reals(o)
                with f.loop(0, batch_panels) as q:
                    cut = narrow & (q + 1 >= batch_panels)
                    width = cut.select(f.int(lanes), f.int(wide))
                    tile = cut.select(tables[0].address(h - 1), tables[-1].address(h - 1))
                    at = q * N * wide + o * width
                    f.call_at(
                        tile,
                        factor,
                        x.reals(q * K * wide + k * width),
                        z.reals(at),
                        n,
                        first,
                        last,
                        shift,
                        floor,
                        h * K * f.real_bytes,
                    )
                    with f.when(last.equals(1) & (activation.as_int() > 0)):
                        f.call_at(activation, z.reals(at), a.reals(at), h * width, settings)
