"""What all functions of rows share: sweeps down the features of one vector of rows in a panel.

A row is one lane, so whatever is computed of a row depends on nothing beside it.  Sums are one
chain that ascends over the features; only maxima, which no order changes, run as several chains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from ..codegen.function import Function, Module
    from ..codegen.values import Address, Int, Real

Read: TypeAlias = "Callable[[Int], Real]"

_CHAINS = 4  # as many as a maximum takes cycles


class Column:
    """One vector of rows in a panel.

    Parameters
    ----------
    panel : Address
        The panel, [features][width].
    first : Int
        The first of the rows.
    width : Int
        The rows of the panel.
    """

    def __init__(self, panel: Address, first: Int, width: Int) -> None:
        self._start, self._width = panel.reals(first), width

    def __getitem__(self, feature: Int) -> Real:
        """The rows' elements of one feature."""
        return self._start.vector(feature * self._width)

    def __setitem__(self, feature: Int, value: Real) -> None:
        self._start.store(value, feature * self._width)


@contextmanager
def each_column(
    module: Module, name: str, panels: int
) -> Iterator[tuple[Function, list[Column], Int]]:
    """Write the kernel `name`(panel, ..., features, width): the block is for one vector of rows.

    Gives the kernel, that vector of each of the panels, and the number of features.
    """
    with module.function(name, *["address"] * panels, "int", "int") as (f, *arguments):
        *addresses, features, width = arguments
        with f.loop(0, width, f.lanes) as first:
            yield f, [Column(panel, first, width) for panel in addresses], features


def largest(f: Function, read: Read, features: Int) -> Real:
    """Return the largest element of each row, NaN apart: -inf for a row of nothing else."""
    maxima = [f.variable(f.number(float("-inf"))) for _ in range(_CHAINS)]
    whole = features - features % _CHAINS
    with f.loop(0, whole, _CHAINS) as k:
        for chain, m in enumerate(maxima):
            m.value = m.value.above(read(k + chain))
    with f.loop(whole, features) as k:
        maxima[0].value = maxima[0].value.above(read(k))
    a, b, c, d = (m.value for m in maxima)
    return a.above(b).above(c.above(d))


def finite_or_zero(x: Real) -> Real:
    """Return `x` where it is finite and 0 elsewhere."""
    result: Real = (x.abs() < float("inf")).select(x, 0.0)
    return result
