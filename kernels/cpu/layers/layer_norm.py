r"""Layer normalisation of each row, forward and backward.

With sums over the F features of a row,

.. math::
    \mu = \frac{1}{F} \sum x, \qquad \sigma^2 = \frac{1}{F} \sum (x - \mu)^2, \qquad
    i = \frac{1}{\sqrt{\sigma^2 + \varepsilon}}, \qquad n = (x - \mu)\, i, \qquad
    y = n \gamma + \beta

    dx = i \left(dn - \frac{1}{F} \sum dn - \frac{n}{F} \sum dn\, n\right), \qquad
    dn = dy\, \gamma, \qquad d\gamma = \sum_{\text{rows}} dy\, n, \qquad
    d\beta = \sum_{\text{rows}} dy

(J. L. Ba, J. R. Kiros and G. E. Hinton, "Layer normalization", arXiv:1607.06450, 2016, equation 4.)
Backward reads x again rather than a normalised copy that forward would have to write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .across import map_across, sums_across
from .columns import Columns, write_for_columns

if TYPE_CHECKING:
    from ..codegen.function import Module
    from ..codegen.values import Int, Real, Truth

_VECTORS = 4
"""Vectors of columns at once, with two sums each."""


def write_layer_norm(module: Module) -> None:
    """Write three kernels on matrices of `rows` rows without gaps.

    ``layer_norm_forward(x, y, scale, shift, mean, inverse, rows, columns, count, eps)`` writes y
    and, for each row, the mean μ and the inverse i.  ``count`` is the number of columns as a real.

    ``layer_norm_backward(x, dy, dx, scale, mean, inverse, rows, columns, count)`` writes dx, which
    may be dy.

    ``layer_norm_parameters(x, dy, mean, inverse, dscale, dshift, rows, columns)`` writes dscale and
    dshift.
    """
    _write_forward(module)
    _write_backward(module)
    _write_parameters(module)


def _write_forward(module: Module) -> None:
    kinds = (*("address",) * 6, "int", "int", "real", "real")
    with module.function("layer_norm_forward", *kinds) as kernel:
        f, x, y, scale, shift, mean, inverse, rows, columns, count, eps = kernel
        with f.loop(0, rows) as row:
            from_, to = x.reals(row * columns), y.reals(row * columns)

            def numbers(place: Int, mask: Truth | None, sums: list[Real]) -> list[Real]:
                return [sums[0] + from_.vector(place, mask)]

            mu = sums_across(f, columns, 1, numbers)[0].lane(0) / count
            m = mu.splat()

            def squares(place: Int, mask: Truth | None, sums: list[Real]) -> list[Real]:
                d = from_.vector(place, mask) - m
                d = d if mask is None else mask.select(d, 0.0)
                return [d.fma(d, sums[0])]

            variance = sums_across(f, columns, 1, squares)[0].lane(0) / count
            # Of one number: a vector's root and quotient take many times as long.
            i = 1.0 / (variance + eps).sqrt()
            mean.store(mu, row)
            inverse.store(i, row)
            factor = i.splat()

            def write(place: Int, mask: Truth | None) -> None:
                n = (from_.vector(place, mask) - m) * factor
                to.store(n.fma(scale.vector(place, mask), shift.vector(place, mask)), place, mask)

            map_across(f, columns, write)


def _write_backward(module: Module) -> None:
    kinds = (*("address",) * 6, "int", "int", "real")
    with module.function("layer_norm_backward", *kinds) as kernel:
        f, x, dy, dx, scale, mean, inverse, rows, columns, count = kernel
        with f.loop(0, rows) as row:
            from_, given, to = (p.reals(row * columns) for p in (x, dy, dx))
            m, i = mean.real(row).splat(), inverse.real(row)
            factor = i.splat()

            def both(place: Int, mask: Truth | None) -> tuple[Real, Real]:
                d = from_.vector(place, mask) - m
                return d, given.vector(place, mask) * scale.vector(place, mask)

            def terms(place: Int, mask: Truth | None, sums: list[Real]) -> list[Real]:
                d, dn = both(place, mask)
                d = d if mask is None else mask.select(d, 0.0)
                return [sums[0] + dn, d.fma(dn, sums[1])]

            total, along = sums_across(f, columns, 2, terms)
            constant = (-(i * (total.lane(0) / count))).splat()
            slope = (-(i * (i * (i * along.lane(0) / count)))).splat()

            def write(place: Int, mask: Truth | None) -> None:
                d, dn = both(place, mask)
                to.store(d.fma(slope, dn.fma(factor, constant)), place, mask)

            map_across(f, columns, write)


def _write_parameters(module: Module) -> None:
    kinds = (*("address",) * 6, "int", "int")
    with module.function("layer_norm_parameters", *kinds) as kernel:
        f, x, dy, mean, inverse, dscale, dshift, rows, columns = kernel

        def body(part: Columns) -> None:
            def terms(row: Int, v: int, sums: list[Real]) -> list[Real]:
                g, d = part.of_row(dy, row, v), part.of_row(x, row, v) - mean.real(row).splat()
                return [sums[0] + g, (d * inverse.real(row).splat()).fma(g, sums[1])]

            dbeta, dgamma = part.sums(rows, 2, terms)
            part.set(dshift, dbeta)
            part.set(dscale, dgamma)

        write_for_columns(f, columns, _VECTORS, body)
