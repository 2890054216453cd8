r"""Dropout: the mask is drawn where it is first used, and kept as a byte for each element.

.. math::
    y = \begin{cases} x / (1 - \text{rate}) & \text{if the element's random word} \ge t \\
                      0 & \text{otherwise} \end{cases}

with t the rate in units of 2\ :sup:`-32`; the bits are those of `kernels.reference.philox.dropout`.
Reading a byte takes a quarter of the time of drawing a word again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .across import map_across
from .masks import PADDED
from .philox import Philox

if TYPE_CHECKING:
    from ..codegen.function import Module
    from ..codegen.values import Address, Bits, Int, Real, Truth

_TOGETHER = 2
"""Vectors of counters whose rounds are computed in turn."""


def write_dropout(module: Module) -> None:
    """Write the kernels ``dropout_forward`` and ``dropout_backward``.

    ``dropout_forward(x, y, kept, rows, columns, first, seed, step, layer, t, scale)``: x and y,
    which may be one, are addresses of rows without gaps, and ``kept`` is that of the mask, whose
    rows are padded to multiples of `PADDED`.  ``first`` is the number of the first row, ``t`` lies
    in [0, 2**32), and ``scale`` is a real, 1 / (1 - rate).

    ``dropout_backward(dy, dx, kept, rows, columns, scale)`` writes dx, which may be dy.
    """
    kinds = ("address", "address", "address", *("int",) * 7, "real")
    with module.function("dropout_forward", *kinds) as kernel:
        f, x, y, kept, rows, columns, first_row, seed, step, layer, threshold, scale = kernel
        stream, factor = Philox(f, seed, step, layer), scale.splat()
        least = (threshold | (threshold << 32)).splat().halves()
        group = _TOGETHER * f.isa.vector_bytes // 2
        with f.loop(0, rows) as r:
            row, from_, to = (first_row + r).splat(), x.reals(r * columns), y.reals(r * columns)
            mask = kept.bytes(r * (columns.ceil_div(PADDED) * PADDED))
            whole = columns - columns % group
            with f.loop(0, whole, group) as c:
                _draw(stream, row, c, least, mask)
                for i in range(0, group, f.lanes):
                    _scale(from_, to, mask, c + i, factor)
            with f.when(whole < columns):
                _draw(stream, row, whole, least, mask)
                with f.loop(whole, columns, f.lanes) as c:
                    _scale(from_, to, mask, c, factor, f.first_lanes(columns - c))

    backward = ("address", "address", "address", "int", "int", "real")
    with module.function("dropout_backward", *backward) as kernel:
        f, dy, dx, kept, rows, columns, scale = kernel
        factor = scale.splat()
        with f.loop(0, rows) as r:
            from_, to = dy.reals(r * columns), dx.reals(r * columns)
            mask = kept.bytes(r * (columns.ceil_div(PADDED) * PADDED))

            def write(place: Int, there: Truth | None) -> None:
                _scale(from_, to, mask, place, factor, there)

            map_across(f, columns, write)


def _draw(stream: Philox, row: Bits, column: Int, least: Bits, mask: Address) -> None:
    """Write which of the columns from `column` on are kept."""
    place = column
    for words in stream.columns(row, column, _TOGETHER):
        mask.store_truths(words.at_least(least), place)
        place = place + words.type.count


def _scale(
    x: Address, y: Address, kept: Address, place: Int, factor: Real, there: Truth | None = None
) -> None:
    scaled = x.vector(place, there) * factor
    y.store(kept.truths(place, x.f.lanes).select(scaled, 0.0), place, there)
