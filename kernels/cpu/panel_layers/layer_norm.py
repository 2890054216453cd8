"""Layer normalisation on panels, with the bits of `kernels.cpu.layers.layer_norm`.

The formulas are there.  A row is a lane, so a sum over its features is one over vectors; it has as
many chains as there are across a row, and they are added in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..layers.across import CHAIN_BYTES
from ..product.words import NormWords
from .down import Rows

if TYPE_CHECKING:
    from ..codegen.function import Function, Module
    from ..codegen.values import Int, Real, Truth

_PANEL = ("address", "address", "address", "int", "int", "int")
_BATCH = ("address", "address", "address", "int", "int", "int", "int", "int")


def write_panel_layer_norm(module: Module) -> None:
    """Write ``norm_forward``, ``norm_backward`` and ``norm_gradients``.

    `NormWords` says what they take; there are no statistics.  The settings are the number of
    features and ε.
    """
    with module.function("norm_forward", *_PANEL) as kernel:
        f, norm, z, n, features, width, row = kernel
        scale, shift = norm.address(NormWords.SCALE), norm.address(NormWords.SHIFT)
        numbers = norm.address(NormWords.SETTINGS)
        count, eps = numbers.real(0).splat(), numbers.real(1).splat()
        with f.loop(0, width, f.lanes) as r:

            def value(k: Int) -> Real:
                number: Real = z.vector(k * width + r)
                return number

            mu = _sums(f, features, 1, lambda k, s: [s[0] + value(k)])[0] / count

            def square(k: Int, sums: list[Real]) -> list[Real]:
                d = value(k) - mu
                return [d.fma(d, sums[0])]

            variance = _sums(f, features, 1, square)[0] / count
            i = 1.0 / (variance + eps).sqrt()
            norm.address(NormWords.MEAN).store(mu, row + r)
            norm.address(NormWords.INVERSE).store(i, row + r)
            with f.loop(0, features) as k:
                normal = (value(k) - mu) * i
                n.store(normal.fma(scale.real(k).splat(), shift.real(k).splat()), k * width + r)

    with module.function("norm_backward", "address", *_PANEL) as kernel:
        f, norm, z, dn, dz, features, width, row = kernel
        scale = norm.address(NormWords.SCALE)
        count = norm.address(NormWords.SETTINGS).real(0).splat()
        with f.loop(0, width, f.lanes) as r:
            mu = norm.address(NormWords.MEAN).vector(row + r)
            i = norm.address(NormWords.INVERSE).vector(row + r)

            def both(k: Int) -> tuple[Real, Real]:
                at = k * width + r
                return z.vector(at) - mu, dn.vector(at) * scale.real(k).splat()

            def terms(k: Int, sums: list[Real]) -> list[Real]:
                d, scaled = both(k)
                return [sums[0] + scaled, d.fma(scaled, sums[1])]

            total, along = _sums(f, features, 2, terms)
            constant, slope = -(i * (total / count)), -(i * (i * (i * along / count)))
            with f.loop(0, features) as k:
                d, scaled = both(k)
                dz.store(d.fma(slope, scaled.fma(i, constant)), k * width + r)

    with module.function("norm_gradients", *_BATCH) as kernel:
        f, norm, z, dn, step, width, rows, first, features = kernel
        mean, inverse = norm.address(NormWords.MEAN), norm.address(NormWords.INVERSE)

        def read(_k: Int, at: Int, row: Int, existing: Truth) -> list[Real]:
            d = z.vector(at, existing) - mean.vector(row)
            normal = d * inverse.vector(row)
            return [dn.vector(at, existing), existing.select(normal, 0.0)]

        def add(numbers: list[Real], sums: list[Real]) -> list[Real]:
            g, normal = numbers
            return [sums[0] + g, normal.fma(g, sums[1])]

        dbeta, dgamma = Rows(f, step, width, rows, features).sums(2, 2, read, add)
        mask = f.first_lanes(features)
        norm.address(NormWords.DSHIFT).store(dbeta, first, mask)
        norm.address(NormWords.DSCALE).store(dgamma, first, mask)


def _sums(
    f: Function, features: Int, quantities: int, add: Callable[[Int, list[Real]], list[Real]]
) -> list[Real]:
    """Return the sums over the features of several quantities, for a vector of rows.

    ``add(feature, sums)`` returns `sums` with the terms of a feature added.
    """
    chains, lanes = CHAIN_BYTES // f.real_bytes, f.lanes
    places = [f.buffer(CHAIN_BYTES * lanes) for _ in range(quantities)]
    for place in places:
        for chain in range(chains):
            place.store(f.number(0.0), chain * lanes)
    with f.loop(0, features) as k:
        at = (k & (chains - 1)) * lanes
        added = add(k, [place.vector(at) for place in places])
        for place, value in zip(places, added, strict=True):
            place.store(value, at)
    while chains > 1:
        chains //= 2
        for place in places:
            with f.loop(0, chains * lanes, lanes) as at:
                place.store(place.vector(at) + place.vector(at + chains * lanes), at)
    return [place.vector() for place in places]
