"""What is done with the gradient of a weight, tile by tile or as it is summed, and of a bias.

On few rows of a batch there is so little to sum that reading and writing the weight, and what an
optimizer remembers of it, take most of the time.  So then the gradient is applied in the registers
that it is summed in, along a few rows of the weight as far as a task's columns reach: a processor
follows only so many streams, and rows some KiB apart share few sets of its first cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from ..optimizers.sweep import write_sweep
from .tile import chains

if TYPE_CHECKING:
    from ..codegen.function import Function, Module
    from ..codegen.values import Address, Int, Real, Truth
    from ..optimizers.rule import UpdateRule

Apply: TypeAlias = "Callable[[list[Address], Real, Truth | None], None]"
"""``apply(places, gradient, mask)`` applies a vector of the gradient at an address in p and in each
of two states."""

Begin: TypeAlias = "Callable[[Function, Address], Apply]"
"""``begin(f, settings)`` loads what `Apply` needs."""

HEIGHTS = (4, 2, 1)
"""How many rows of a weight are gone along at once, the most first."""

_PLACES = ("address", "address", "address")
_TILE = (*_PLACES, "address", "int", "int", "int", "address")
_FEW = (*_PLACES, "address", "address", "int", "int", "int", "int", "address")
_FLAT = (*_PLACES, "address", "int", "address")


def write_apply(module: Module, rule: UpdateRule) -> None:
    """Write `apply` and `apply_few`, which take a step of `rule`, and its sweep.

    A gradient that is used at once need not be kept.
    """

    def begin(f: Function, numbers: Address) -> Apply:
        settings = rule.load(numbers)

        def step(places: list[Address], gradient: Real, mask: Truth | None) -> None:
            p, *states = places[: 1 + len(rule.states)]
            before = tuple(state.vector(0, mask) for state in states)
            stepped, remembered = rule.step(f, p.vector(0, mask), gradient, before, settings)
            p.store(stepped, 0, mask)
            for state, value in zip(states, remembered, strict=True):
                state.store(value, 0, mask)

        return step

    _write_apply_tile(module, begin)
    _write_apply_few(module, begin)
    write_sweep(module, rule)


def write_keep(module: Module) -> None:
    """Write the same, and `keep`, for those who want the gradient itself: p is where it goes."""

    def begin(_f: Function, _numbers: Address) -> Apply:
        return lambda places, gradient, mask: places[0].store(gradient, 0, mask)

    _write_apply_tile(module, begin)
    _write_apply_few(module, begin)
    with (
        module.function("keep", *_FLAT) as (f, p, g, _1, _2, n, _settings),
        f.loop(0, n, f.lanes) as i,
    ):
        mask = f.first_lanes(n - i)
        p.store(g.vector(i, mask), i, mask)


def _masks(f: Function, columns: Int) -> list[Truth | None]:
    return [f.first_lanes(columns - j * f.lanes) for j in range(f.isa.tile_vectors)]


def _write_apply_tile(module: Module, begin: Begin) -> None:
    """Write `apply(p, state1, state2, g, rows, columns, stride, settings)`.

    p and the states begin at the tile's first element in their matrices, whose rows lie `stride`
    elements apart; g is the tile, row after row of whole vectors.
    """
    with module.function("apply", *_TILE) as (f, *arguments):
        *matrices, g, rows, columns, stride, numbers = arguments
        apply, vectors = begin(f, numbers), f.isa.tile_vectors
        existing = _masks(f, columns)
        # Stores under a mask are slow on some processors, so they are for what needs them.
        with f.either(columns >= vectors * f.lanes) as (whole, part):
            for branch, masks in ((whole, [None] * vectors), (part, existing)):
                with branch, f.loop(0, rows) as i:
                    for j, mask in enumerate(masks):
                        at = i * stride + j * f.lanes
                        gradient = g.vector((i * vectors + j) * f.lanes)
                        apply([matrix.reals(at) for matrix in matrices], gradient, mask)


def _write_apply_few(module: Module, begin: Begin) -> None:
    """Write `apply_few(p, state1, state2, dz, x, rows, outputs, columns, stride, settings)`.

    p and the states begin at some outputs and columns of their matrices, whose rows lie `stride`
    elements apart.  dz is the strip of these outputs and x their columns, as `strips` and
    `copy_columns` write them.  There are as many rows of the batch as one panel of dz and one block
    of the sum may have.
    """
    with module.function("apply_few", *_FEW) as (f, *arguments):
        *matrices, dz, x, rows, outputs, columns, stride, numbers = arguments
        apply, vectors = begin(f, numbers), f.isa.tile_vectors
        wide = vectors * f.lanes
        whole = columns // wide * wide

        def along(first: Int, height: int) -> None:
            strip = dz.reals(first)
            lines = [[m.reals((first + i) * stride) for m in matrices] for i in range(height)]

            def tile(c: Int, masks: list[Truth | None]) -> None:
                sums = _sums(f, strip, x.reals(c * rows), rows, outputs, height)
                for line, row in zip(lines, sums, strict=True):
                    for j, gradient in enumerate(row):
                        places = [place.reals(c + j * f.lanes) for place in line]
                        apply(places, gradient, masks[j])

            with f.loop(0, whole, wide) as c:
                tile(c, [None] * vectors)
            with f.when(columns > whole):
                tile(whole, _masks(f, columns - whole))

        done = f.variable(f.int(0))
        for height in HEIGHTS:
            # On a single row nothing of x is used twice, and few streams are the best.
            most = outputs if height == 1 else (rows > 1).select(outputs, f.int(0))
            with f.loop(done.value, most - (height - 1), height) as i:
                along(i, height)
                done.value = i + height


def _sums(
    f: Function, dz: Address, x: Address, rows: Int, outputs: Int, height: int
) -> list[list[Real]]:
    """Return the gradient of `height` of the strip's outputs in a panel of x's columns."""
    vectors = f.isa.tile_vectors
    wide = vectors * f.lanes
    return chains(
        f,
        rows,
        (dz, x),
        advance=lambda at, steps: [at[0].reals(outputs * steps), at[1].reals(wide * steps)],
        element=lambda at, i, s: (at[0].reals(outputs * s) if s else at[0]).reals(i),
        vector=lambda at, j, s: at[1].vector(s * wide + j * f.lanes),
        rows=height,
        vectors=vectors,
        share=True,
    )
