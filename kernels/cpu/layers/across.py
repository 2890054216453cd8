"""Sums across one row, the same whatever the width of a vector.

A sum has as many chains as numbers fit into `CHAIN_BYTES`, which are one or more vectors on every
instruction set: number k is added to chain k modulo their number, ascending from zero.  Then the
second half of the chains is added to the first, and so on until one is left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from ..codegen.function import Function
    from ..codegen.values import Int, Real, Truth

CHAIN_BYTES = 128
"""The chains of a sum: two vectors of the widest instruction set."""

Terms: TypeAlias = "Callable[[Int, Truth | None, list[Real]], list[Real]]"


def sums_across(f: Function, columns: Int, quantities: int, add: Terms) -> list[Real]:
    """Return the sums over the columns of a row of several quantities, each in every lane.

    Parameters
    ----------
    f : Function
        The kernel.
    columns : Int
        How many columns there are.
    quantities : int
        How many sums there are.
    add : callable
        ``add(place, mask, sums)`` returns `sums` with the terms of the vector at `place` added,
        which are zero in the lanes not in `mask`; None is all lanes.
    """
    vectors = CHAIN_BYTES // f.isa.vector_bytes
    chains = [[f.variable(f.number(0.0)) for _ in range(quantities)] for _ in range(vectors)]

    def add_vector(vector: int, place: Int, mask: Truth | None) -> None:
        mine = chains[vector]
        added = add(place, mask, [chain.value for chain in mine])
        for chain, value in zip(mine, added, strict=True):
            chain.value = value

    group = vectors * f.lanes
    whole = columns - columns % group
    with f.loop(0, whole, group) as start:
        for vector in range(vectors):
            add_vector(vector, start + vector * f.lanes, None)
    with f.when(whole < columns):
        for vector in range(vectors):
            place = whole + vector * f.lanes
            # Lanes that are not there add zero, which changes no chain: none is ever -0.
            add_vector(vector, place, f.first_lanes(columns - place))
    return [_folded([chain[quantity].value for chain in chains]) for quantity in range(quantities)]


def _folded(vectors: list[Real]) -> Real:
    while len(vectors) > 1:
        half = len(vectors) // 2
        vectors = [a + b for a, b in zip(vectors[:half], vectors[half:], strict=True)]
    (total,) = vectors
    step = total.f.lanes // 2
    while step:
        total = total + total.shuffle(total, [lane ^ step for lane in range(total.f.lanes)])
        step //= 2
    return total


def map_across(f: Function, columns: Int, body: Callable[[Int, Truth | None], None]) -> None:
    """Write ``body(place, mask)`` for each vector of a row; the last one has a mask."""
    whole = columns - columns % f.lanes
    with f.loop(0, whole, f.lanes) as place:
        body(place, None)
    with f.when(whole < columns):
        body(whole, f.first_lanes(columns - whole))
