"""Sums down the rows of panels, a feature in each lane, with the bits of `layers.columns`.

The sum is the canonical one over rows.  The rows lie in the lanes, so squares are transposed first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from ..layers.columns import BLOCK
from ..product.panels import transpose

if TYPE_CHECKING:
    from ..codegen.function import Function
    from ..codegen.values import Int, Real, Truth

Read: TypeAlias = "Callable[[Int, Int, Int, Truth], list[Real]]"

Add: TypeAlias = "Callable[[list[Real], list[Real]], list[Real]]"


class Rows:
    """The rows of a batch in panels, as far as a vector of features goes.

    Parameters
    ----------
    f : Function
        The kernel.
    panel_step : Int
        How many elements panels lie apart.
    width : Int
        The rows of a panel.
    rows : Int
        The rows of the batch.
    count : Int
        How many features there are, a vector at most.
    """

    def __init__(self, f: Function, panel_step: Int, width: Int, rows: Int, count: Int) -> None:
        self._f, self._step, self._width, self._rows = f, panel_step, width, rows
        self._count = count

    def sums(self, numbers: int, quantities: int, read: Read, add: Add) -> list[Real]:
        """Return the sums over the rows of several quantities, the features in the lanes.

        Parameters
        ----------
        numbers : int
            How many numbers of each row and feature the quantities are made of.
        quantities : int
            How many sums there are.
        read : callable
            ``read(feature, place, row, mask)`` returns the numbers of a vector of rows, the first
            of which is `row`, at `place` of the panels: zero in the lanes that are not in `mask`,
            so that they change no sum.
        add : callable
            ``add(numbers, sums)`` returns the sums with a row's terms added.
        """
        f, lanes = self._f, self._f.lanes
        squares = [f.buffer(lanes * lanes * f.real_bytes) for _ in range(numbers)]
        for square in squares:
            for i in range(lanes):
                square.store(f.number(0.0), i * lanes)
        totals = [f.variable(f.number(0.0)) for _ in range(quantities)]
        with f.loop(0, self._rows, BLOCK) as start:
            chains = [f.variable(f.number(0.0)) for _ in range(quantities)]
            end = (start + BLOCK).min(self._rows)
            with f.loop(start, end, lanes) as row:
                place = row // self._width * self._step + row % self._width
                existing = f.first_lanes(end - row)
                with f.loop(0, self._count) as k:
                    found = read(k, place + k * self._width, row, existing)
                    for square, values in zip(squares, found, strict=True):
                        square.store(values, k * lanes)
                turned = (transpose([s.vector(i * lanes) for i in range(lanes)]) for s in squares)
                for of_row in zip(*turned, strict=True):
                    added = add(list(of_row), [chain.value for chain in chains])
                    for chain, value in zip(chains, added, strict=True):
                        chain.value = value
            for total, chain in zip(totals, chains, strict=True):
                total.value = total.value + chain.value
        return [total.value for total in totals]
