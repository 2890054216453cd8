"""Batch normalisation on panels, with the bits of `kernels.cpu.layers.batch_norm`.

The formulas are there.  What is summed over the batch is summed for all rows at once; of a panel
alone are only the two maps, from z to its normalised value and from the gradient of that to dz.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..product.words import NormWords
from .down import Rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..codegen.function import Function, Module
    from ..codegen.values import Address, Int, Real, Truth

_PANEL = ("address", "address", "address", "int", "int", "int")
_BACK = ("address", *_PANEL)
_BATCH = ("address", "address", "int", "int", "int", "int", "int")


def write_panel_batch_norm(module: Module) -> None:
    """Write ``norm_forward``, ``norm_backward``, ``norm_statistics`` and ``norm_gradients``.

    `NormWords` says what they take.  The settings are those that the kernels of whole arrays have:
    `kernels.cpu.layers.batch_norm.SETTINGS`.
    """
    with module.function("norm_statistics", *_BATCH) as (f, norm, z, *place):
        _write_statistics(f, norm, z, *place)
    with module.function("norm_forward", *_PANEL) as (f, norm, z, n, features, width, _row):
        mean, inverse, scale, shift = (
            norm.address(word)
            for word in (NormWords.MEAN, NormWords.INVERSE, NormWords.SCALE, NormWords.SHIFT)
        )

        def normal(k: Int) -> Callable[[Int], Real]:
            mu, beta = mean.real(k).splat(), shift.real(k).splat()
            factor = (inverse.real(k) * scale.real(k)).splat()
            return lambda at: (z.vector(at) - mu).fma(factor, beta)

        _map(f, features, width, n, normal)

    with module.function("norm_gradients", *_BACK[1:3], *_BATCH[1:]) as (f, norm, z, dn, *place):
        _write_gradients(f, norm, z, dn, *place)
    with module.function("norm_backward", *_BACK) as (f, norm, z, dn, dz, features, width, _row):
        words = (NormWords.MEAN, NormWords.FACTOR, NormWords.SLOPE, NormWords.CONSTANT)
        places = [norm.address(word) for word in words]

        def back(k: Int) -> Callable[[Int], Real]:
            mu, factor, slope, constant = (place.real(k).splat() for place in places)
            return lambda at: (z.vector(at) - mu).fma(slope, dn.vector(at).fma(factor, constant))

        _map(f, features, width, dz, back)


def _map(
    f: Function, features: Int, width: Int, to: Address, of: Callable[[Int], Callable[[Int], Real]]
) -> None:
    """Write ``of(feature)(place)`` for each place of a panel."""
    with f.loop(0, features) as k:
        value = of(k)
        with f.loop(0, width, f.lanes) as r:
            at = k * width + r
            to.store(value(at), at)


def _write_statistics(
    f: Function,
    norm: Address,
    z: Address,
    step: Int,
    width: Int,
    rows: Int,
    first: Int,
    count: Int,
) -> None:
    batch, mask = Rows(f, step, width, rows, count), f.first_lanes(count)
    numbers = norm.address(NormWords.SETTINGS)
    n, e, keep, momentum, bessel = (numbers.real(i).splat() for i in range(5))
    mean = norm.address(NormWords.MEAN).reals(first)

    def value(_k: Int, at: Int, _row: Int, existing: Truth) -> list[Real]:
        return [z.vector(at, existing)]

    (total,) = batch.sums(1, 1, value, lambda x, s: [s[0] + x[0]])
    mu = total / n
    mean.store(mu, 0, mask)

    def distance(k: Int, at: Int, _row: Int, existing: Truth) -> list[Real]:
        return [existing.select(z.vector(at, existing) - mean.real(k).splat(), 0.0)]

    (total,) = batch.sums(1, 1, distance, lambda d, s: [d[0].fma(d[0], s[0])])
    sigma2 = total / n
    norm.address(NormWords.INVERSE).reals(first).store(1.0 / (sigma2 + e).sqrt(), 0, mask)
    for word, now in ((NormWords.RUNNING_MEAN, mu), (NormWords.RUNNING_VARIANCE, sigma2 * bessel)):
        r = norm.address(word).reals(first)
        r.store(r.vector(0, mask).fma(keep, now * momentum), 0, mask)


def _write_gradients(
    f: Function,
    norm: Address,
    z: Address,
    dn: Address,
    step: Int,
    width: Int,
    rows: Int,
    first: Int,
    count: Int,
) -> None:
    mask = f.first_lanes(count)
    n = norm.address(NormWords.SETTINGS).real(0).splat()

    def place(word: int) -> Address:
        return norm.address(word).reals(first)

    mean = place(NormWords.MEAN)

    def both(k: Int, at: Int, _row: Int, existing: Truth) -> list[Real]:
        d = z.vector(at, existing) - mean.real(k).splat()
        return [dn.vector(at, existing), existing.select(d, 0.0)]

    def terms(numbers: list[Real], sums: list[Real]) -> list[Real]:
        g, d = numbers
        return [sums[0] + g, d.fma(g, sums[1])]

    dbeta, products = Rows(f, step, width, rows, count).sums(2, 2, both, terms)
    i = place(NormWords.INVERSE).vector(0, mask)
    dgamma = products * i
    factor = i * place(NormWords.SCALE).vector(0, mask)
    for word, value in (
        (NormWords.DSHIFT, dbeta),
        (NormWords.DSCALE, dgamma),
        # As they are before the parameters change.
        (NormWords.FACTOR, factor),
        (NormWords.CONSTANT, -(factor * (dbeta / n))),
        (NormWords.SLOPE, -(factor * (i * (dgamma / n)))),
    ):
        place(word).store(value, 0, mask)
