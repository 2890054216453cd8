"""Weights in the order in which the tiles read them.

A weight W, shape (out, in), is packed in one of two orders.  For tiles with the rows of a batch in
the lanes, in panels of `height` outputs that differ by one at most: element (output o, feature k)
of the panel that begins with output s lies at s * in + k * height + (o - s).  For tiles with the
outputs in the lanes, in panels of one vector, the last filled with zeros: it lies at
s * in + k * lanes + (o - s).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .panels import transpose

if TYPE_CHECKING:
    from ..codegen.function import Module


def write_pack_heights(module: Module) -> None:
    """Write `pack_heights(W, height, larger, panels, features, packed)`.

    The first `larger` of the panels are height + 1 outputs high, the others `height`.
    """
    with module.function("pack_heights", "address", "int", "int", "int", "int", "address") as (
        f,
        W,
        height,
        larger,
        panels,
        features,
        packed,
    ):
        lanes = f.lanes
        square = f.buffer(lanes * lanes * f.real_bytes)
        with f.loop(0, panels) as p:
            h = height + (p < larger).as_int()
            start = p * height + p.min(larger)
            to = packed.reals(start * features)
            with f.loop(0, h, lanes) as i0:
                count = (h - i0).min(lanes)
                there = f.first_lanes(count)
                # Rows beyond the panel are read from its last one, and not written.
                rows = [W.reals((start + i0 + (count - 1).min(i)) * features) for i in range(lanes)]
                whole = features - features % lanes
                with f.loop(0, whole, lanes) as k:
                    target = to.reals(k * h + i0)
                    for i, column in enumerate(transpose([row.vector(k) for row in rows])):
                        target.store(column, h * i, there)
                with f.when(whole < features):
                    mask = f.first_lanes(features - whole)
                    loaded = [row.vector(whole, mask) for row in rows]
                    for i, column in enumerate(transpose(loaded)):
                        square.store(column, i * lanes)
                    with f.loop(whole, features) as k:
                        column = square.vector((k - whole) * lanes)
                        to.store(column, k * h + i0, there)


def write_pack_widths(module: Module) -> None:
    """Write `pack_widths(W, outputs, features, packed)`."""
    with module.function("pack_widths", "address", "int", "int", "address") as (
        f,
        W,
        outputs,
        features,
        packed,
    ):
        lanes = f.lanes
        square = f.buffer(lanes * lanes * f.real_bytes)
        with f.loop(0, outputs, lanes) as o:
            count = (outputs - o).min(lanes)
            to = packed.reals(o * features)
            with f.loop(0, features, lanes) as k:
                mask = f.first_lanes(features - k)
                source = W.reals(o * features + k)
                for i in range(lanes):
                    square.store(f.number(0.0), i * lanes)
                with f.loop(0, count) as i:
                    square.store(source.vector(i * features, mask), i * lanes)
                columns = transpose([square.vector(i * lanes) for i in range(lanes)])
                for i, column in enumerate(columns):
                    square.store(column, i * lanes)
                with f.loop(0, (features - k).min(lanes)) as i:
                    to.store(square.vector(i * lanes), (k + i) * lanes)
