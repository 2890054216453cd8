"""A layer on a few rows of a pass that is differentiated, the weight read as it lies.

The rows lie in the lanes of panels one vector wide, but few of the lanes hold any.  So the products
have the outputs, or on the way back the features, in the lanes instead, and turn their results over
at the end:

    z[o, r] = sum over k of W[o, k] x[k, r]        da[k, r] = sum over o of W[o, k] dz[o, r]

The second finds its vectors in the rows of W; the first transposes squares of W in registers, which
takes a quarter of the instructions that multiplying single elements by mostly empty vectors does.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .panels import transpose
from .parts import bounds_of_part
from .tile import BLOCK, chains
from .words import LayerWords

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..codegen.function import Function, Module
    from ..codegen.instruction_set import InstructionSet
    from ..codegen.values import Address, Int, Real, Truth

_MANY_ROWS = 4
"""Rows beyond which a tile of the way back is half as wide."""


def narrow_rows(lanes: int) -> list[int]:
    """Return for how many rows there are kernels: powers of two up to half a vector."""
    return [1 << i for i in range(lanes.bit_length() - 1)]


def turned_vectors(isa: InstructionSet, rows: int) -> int:
    """Return how many vectors of features a tile of the way back spans."""
    return isa.few_vectors if rows <= _MANY_ROWS else max(1, isa.few_vectors // 2)


def write_narrow(module: Module) -> None:
    """Write `narrow_layer_R` and `narrow_gradient_R`.

    The first does what `layer_part` does, the second what `input_gradient` does for as many
    features as `turned_vectors` has lanes: with the same arguments and bits, for panels of one
    vector of which the first R lanes hold rows.
    """
    for rows in narrow_rows(module.lanes):
        _write_tile(module, rows)
        _write_layer(module, rows)
        _write_gradient(module, rows)


def _write_layer(module: Module, count: int) -> None:
    kinds = ("address", "address", "address", "address", "int", "int", "int")
    with module.function(f"narrow_layer_{count}", *kinds) as (f, layer, x, z, a, _, part, parts):
        lanes = f.lanes
        K, N = layer.int(LayerWords.FEATURES), layer.int(LayerWords.OUTPUTS)
        weights, bias = layer.address(LayerWords.NATURAL), layer.address(LayerWords.BIAS)
        floor = layer.ints(LayerWords.FLOOR).real()
        activation = layer.address(LayerWords.ACTIVATION)
        settings = layer.address(LayerWords.SETTINGS)
        with f.loop(*bounds_of_part(N, part, parts, lanes), lanes) as o:
            there = (N - o).min(lanes)
            with f.loop(0, K, BLOCK) as k:
                first, last = k.equals(0).as_int(), (k + BLOCK >= K).as_int()
                f.call(
                    f"narrow_{count}",
                    *(weights.reals(o * K + k), K, x.reals(k * lanes), z.reals(o * lanes)),
                    *((K - k).min(BLOCK), there, first, last, bias.reals(o), floor),
                )
            with f.when(activation.as_int() > 0):
                own = o * lanes
                f.call_at(activation, z.reals(own), a.reals(own), there * lanes, settings)


def _write_tile(module: Module, rows: int) -> None:
    """Write `narrow_R(W, ldw, x, z, n, there, first, last, bias, floor)`, a vector of outputs."""
    with module.function(
        f"narrow_{rows}",
        *("address", "int", "address", "address", "int", "int", "int", "int", "address", "real"),
        private=True,
    ) as (f, W, ldw, x, z, n, there, first, last, bias, floor):
        lanes = f.lanes

        def square(values: list[Any]) -> list[Any]:
            *sums, w, at = values
            loaded = [w.vector(ldw * i) for i in range(lanes)]
            for s, column in enumerate(transpose(loaded)):
                sums = [
                    at.real(s * lanes + r).splat().fma(column, total)
                    for r, total in enumerate(sums)
                ]
            return [*sums, w.reals(lanes), at.reals(lanes * lanes)]

        whole = (there >= lanes).select(n // lanes, f.int(0))
        *start, _w, _at = f.repeat(whole, [*[f.number(0.0)] * rows, W, x], square)
        sums = [f.variable(total) for total in start]
        with f.loop(whole * lanes, n, lanes) as k:
            left = (n - k).min(lanes)
            corner = _corner(f, W.reals(k), ldw, there, left)
            with f.loop(0, left) as s:
                column = corner.vector(s * lanes)
                for r, total in enumerate(sums):
                    element = x.real((k + s) * lanes + r).splat()
                    total.value = element.fma(column, total.value)
        lowest, fresh, complete = floor.splat(), first.equals(1), last.equals(1)
        with _turned(f, [total.value for total in sums], there) as (i, block_sum):
            place = z.reals(i * lanes)
            total = fresh.select(block_sum, place.vector() + block_sum)
            finished = (total + bias.real(i).splat()).above(lowest)
            place.store(complete.select(finished, total))


def _corner(f: Function, W: Address, ldw: Int, rows: Int, columns: Int) -> Address:
    """Return the transpose of a square of W of which not everything exists."""
    lanes = f.lanes
    corner, mask = f.buffer(lanes * lanes * f.real_bytes), f.first_lanes(columns)
    for row in range(lanes):
        corner.store(f.number(0.0), row * lanes)
    with f.loop(0, rows) as i:
        corner.store(W.vector(ldw * i, mask), i * lanes)
    for k, column in enumerate(transpose([corner.vector(i * lanes) for i in range(lanes)])):
        corner.store(column, k * lanes)
    return corner


@contextmanager
def _turned(f: Function, sums: list[Real], there: Int) -> Iterator[tuple[Int, Real]]:
    """Run the block for the first lanes of `sums`, with the vector of what they hold of each."""
    lanes = f.lanes
    result = f.buffer(lanes * lanes * f.real_bytes)
    padded = [*sums, *[f.number(0.0)] * (lanes - len(sums))]
    for lane, column in enumerate(transpose(padded)):
        result.store(column, lane * lanes)
    with f.loop(0, there.min(lanes)) as i:
        yield i, result.vector(i * lanes)


def _write_gradient(module: Module, rows: int) -> None:
    vectors = turned_vectors(module.isa, rows)
    _write_turned_tile(module, rows, vectors)
    kinds = ("address", "int", "int", "address", "int", "address", *["int"] * 5, "address")
    with module.function(f"narrow_gradient_{rows}", *kinds) as (f, *arguments):
        W, outputs, features, dz, _step, da, _width, _panels, feature, count, begins, _ = arguments
        f.call(
            f"narrow_turned_{rows}",
            *(W.reals(feature), features, dz, da.reals(feature * f.lanes), outputs, count, begins),
        )


def _write_turned_tile(module: Module, rows: int, vectors: int) -> None:
    """Write `narrow_turned_R(W, ldw, dz, da, n, there, first)`, `there` features."""
    with module.function(
        f"narrow_turned_{rows}",
        *("address", "int", "address", "address", "int", "int", "int"),
        private=True,
    ) as (f, W, ldw, dz, da, n, there, first):
        lanes = f.lanes

        def advance(at: list[Any], steps: int) -> list[Any]:
            for step in range(steps):
                for j in range(vectors):
                    f.prefetch(at[0].reals(ldw * step).reals((vectors + j) * lanes), cache=1)
            return [at[0].reals(ldw * steps), at[1].reals(steps * lanes)]

        def sums_with(masks: list[Truth | None]) -> list[list[Real]]:
            return chains(
                f,
                n,
                (W, dz),
                advance=advance,
                element=lambda at, i, s: at[1].reals(s * lanes + i),
                vector=lambda at, j, s: at[0].vector(ldw * s + j * lanes, masks[j]),
                rows=rows,
                vectors=vectors,
            )

        sums = [[f.variable(f.number(0.0)) for _ in range(vectors)] for _ in range(rows)]
        everything: list[Truth | None] = [None] * vectors
        existing: list[Truth | None] = [f.first_lanes(there - j * lanes) for j in range(vectors)]
        with f.either(there >= vectors * lanes) as (whole, part):
            for branch, masked in ((whole, everything), (part, existing)):
                with branch:
                    for row, found in zip(sums, sums_with(masked), strict=True):
                        for total, value in zip(row, found, strict=True):
                            total.value = value
        fresh = first.equals(1)
        for j in range(vectors):
            own = [row[j].value for row in sums]
            with _turned(f, own, there - j * lanes) as (i, block_sum):
                place = da.reals((i + j * lanes) * lanes)
                place.store(fresh.select(block_sum, place.vector() + block_sum))
