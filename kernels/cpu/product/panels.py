r"""Batches as panels, and back: the rows of a batch in the lanes of vectors.

A panel holds `width` rows (one or `tile_vectors` vectors of them), feature after feature: element
(feature k, row r) lies at k * width + r.  A chunk of a batch is a row of panels of the full width,
of which the last may be one vector wide, where that is enough for the rows that are left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..codegen.function import Function, Module
    from ..codegen.values import Address, Int, Real


def transpose(vectors: list[Real]) -> list[Real]:
    """Return the columns of a square of vectors: lane i of vector j becomes lane j of vector i.

    In log2(lanes) stages of shuffles; each exchanges the blocks of `distance` lanes that lie off
    the diagonal of squares twice that size.
    """
    lanes = len(vectors)
    result = list(vectors)
    distance = 1
    while distance < lanes:
        upper = [k if not k & distance else lanes + k - distance for k in range(lanes)]
        lower = [k + distance if not k & distance else lanes + k for k in range(lanes)]
        for i in range(lanes):
            if not i & distance:
                a, b = result[i], result[i + distance]
                result[i], result[i + distance] = a.shuffle(b, upper), a.shuffle(b, lower)
        distance *= 2
    return result


def write_into_panels(module: Module) -> None:
    """Write `into_panel(x, stride, rows, features, panel, width, mean, scale)`.

    It copies `rows` rows of `x`, `stride` elements apart, into a panel, with zeros in the lanes
    that are left.  With `scale` not null, each feature becomes (x - mean) * scale.
    """
    with module.function(
        "into_panel", "address", "int", "int", "int", "address", "int", "address", "address"
    ) as (f, x, stride, rows, features, panel, width, mean, scale):
        lanes = f.lanes
        with f.loop(0, width, lanes) as r:
            there = (rows - r).min(lanes)
            with f.loop(0, features, lanes) as k:
                mask = f.first_lanes(features - k)
                source = x.reals(r * stride + k)
                square = f.buffer(lanes * lanes * f.real_bytes)
                with f.either(there.equals(lanes) & (features - k >= lanes)) as (whole, part):
                    with whole:
                        loaded = [source.vector(stride * i) for i in range(lanes)]
                        for i, column in enumerate(transpose(loaded)):
                            _put(f, panel, (k + i) * width + r, column, k + i, mean, scale)
                    with part:
                        for i in range(lanes):
                            square.store(f.number(0.0), i * lanes)
                        with f.loop(0, there) as i:
                            square.store(source.vector(stride * i, mask), i * lanes)
                        loaded = [square.vector(i * lanes) for i in range(lanes)]
                        for i, column in enumerate(transpose(loaded)):
                            square.store(column, i * lanes)
                        with f.loop(0, (features - k).min(lanes)) as i:
                            column = square.vector(i * lanes)
                            _put(f, panel, (k + i) * width + r, column, k + i, mean, scale)


def _put(
    f: Function, panel: Address, at: Int, column: Real, feature: Int, mean: Address, scale: Address
) -> None:
    with f.either(scale.as_int().equals(0)) as (plain, standardized):
        with plain:
            panel.store(column, at)
        with standardized:
            centred = column - mean.real(feature).splat()
            panel.store(centred * scale.real(feature).splat(), at)


def write_from_panels(module: Module) -> None:
    """Write `from_panel(panel, width, rows, features, y, stride)`: the rows of a panel into `y`."""
    with module.function("from_panel", "address", "int", "int", "int", "address", "int") as (
        f,
        panel,
        width,
        rows,
        features,
        y,
        stride,
    ):
        lanes = f.lanes
        square = f.buffer(lanes * lanes * f.real_bytes)
        with f.loop(0, rows, lanes) as r:
            there = (rows - r).min(lanes)
            with f.loop(0, features, lanes) as k:
                left = features - k
                mask = f.first_lanes(left)
                target = y.reals(r * stride + k)
                with f.either(there.equals(lanes) & (left >= lanes)) as (whole, part):
                    with whole:
                        loaded = [panel.vector((k + i) * width + r) for i in range(lanes)]
                        for i, row in enumerate(transpose(loaded)):
                            target.store(row, stride * i)
                    with part:
                        with f.loop(0, left.min(lanes)) as i:
                            square.store(panel.vector((k + i) * width + r), i * lanes)
                        loaded = [square.vector(i * lanes) for i in range(lanes)]
                        for i, row in enumerate(transpose(loaded)):
                            square.store(row, i * lanes)
                        with f.loop(0, there) as i:
                            target.store(square.vector(i * lanes), stride * i, mask)
