"""Sums down the columns of rows that lie one after the other, a column in each lane.

The sum is the canonical one over rows: blocks of `BLOCK` terms, each an ascending chain from zero,
the sums of the blocks added ascending.  So it depends neither on how many columns are summed at
once nor on who sums them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from ..codegen.function import Function
    from ..codegen.values import Address, Int, Real, Truth

BLOCK = 64
"""Rows of a block."""

Terms: TypeAlias = "Callable[[Int, int, list[Real]], list[Real]]"


class Columns:
    """A few vectors of columns.

    Parameters
    ----------
    f : Function
        The kernel.
    first : Int
        The first of the columns.
    ld : Int
        How many columns a row has.
    count : int
        The number of vectors.
    mask : Truth, optional
        Which lanes there are, where it is one vector at the end of a row.
    """

    def __init__(
        self, f: Function, first: Int, ld: Int, count: int, mask: Truth | None = None
    ) -> None:
        self.f, self._first, self._ld, self.count, self._mask = f, first, ld, count, mask

    def of_row(self, x: Address, row: Int, vector: int) -> Real:
        """Return a vector of a row of the matrix `x`."""
        return x.reals(row * self._ld).vector(self._place(vector), self._mask)

    def set_row(self, x: Address, row: Int, vector: int, value: Real) -> None:
        """Write a vector of a row of the matrix `x`."""
        x.reals(row * self._ld).store(value, self._place(vector), self._mask)

    def of(self, x: Address) -> list[Real]:
        """Return all vectors of `x`, which has one number for each column."""
        return [x.vector(self._place(vector), self._mask) for vector in range(self.count)]

    def set(self, x: Address, values: list[Real]) -> None:
        """Write all vectors of `x`, which has one number for each column."""
        for vector, value in enumerate(values):
            x.store(value, self._place(vector), self._mask)

    def sums(self, rows: Int, quantities: int, add: Terms) -> list[list[Real]]:
        """Return the sums over the rows of several quantities, each by vector.

        Parameters
        ----------
        rows : Int
            How many rows there are.
        quantities : int
            How many sums each column has.
        add : callable
            ``add(row, vector, sums)`` returns the sums of that vector with the row's terms added.
        """
        f, number = self.f, self.count * quantities
        totals = [f.variable(f.number(0.0)) for _ in range(number)]
        with f.loop(0, rows, BLOCK) as start:
            chains = [f.variable(f.number(0.0)) for _ in range(number)]
            with f.loop(start, (start + BLOCK).min(rows)) as row:
                for vector in range(self.count):
                    mine = chains[vector * quantities : (vector + 1) * quantities]
                    added = add(row, vector, [chain.value for chain in mine])
                    for chain, value in zip(mine, added, strict=True):
                        chain.value = value
            for total, chain in zip(totals, chains, strict=True):
                total.value = total.value + chain.value
        values = [total.value for total in totals]
        return [values[quantity::quantities] for quantity in range(quantities)]

    def _place(self, vector: int) -> Int:
        place: Int = self._first + vector * self.f.lanes
        return place


def write_for_columns(
    f: Function, columns: Int, vectors: int, body: Callable[[Columns], None]
) -> None:
    """Write `body` for all columns: a few vectors at once, then one at a time."""
    step = vectors * f.lanes
    whole = columns - columns % step
    with f.loop(0, whole, step) as c:
        body(Columns(f, c, columns, vectors))
    with f.loop(whole, columns, f.lanes) as c:
        body(Columns(f, c, columns, 1, f.first_lanes(columns - c)))
