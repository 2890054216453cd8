r"""Batch normalisation: forward and backward in training, and with fixed statistics.

With sums over the N rows of a column,

.. math::
    \mu = \frac{1}{N} \sum x, \qquad \sigma^2 = \frac{1}{N} \sum (x - \mu)^2, \qquad
    i = \frac{1}{\sqrt{\sigma^2 + \varepsilon}}, \qquad
    y = (x - \mu)\, i\, \gamma + \beta

    d\beta = \sum dy, \qquad d\gamma = i \sum dy\, (x - \mu), \qquad
    dx = i \gamma \left(dy - \frac{d\beta}{N} - (x - \mu)\, i\, \frac{d\gamma}{N}\right)

(S. Ioffe and C. Szegedy, "Batch normalization", ICML 2015, algorithm 1 and section 3.)  A column
is a lane.  Backward reads x again rather than a normalised copy that forward would have to write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .columns import Columns, write_for_columns

if TYPE_CHECKING:
    from ..codegen.function import Module
    from ..codegen.values import Address, Int, Real


SETTINGS = ("rows", "eps", "1 - momentum", "momentum", "rows / (rows - 1)")
"""What a step in training is told."""


def write_batch_norm(module: Module) -> None:
    """Write four kernels on matrices of `rows` rows without gaps.

    ``batch_norm_forward(x, y, scale, shift, mean, inverse, running_mean, running_variance, rows,
    columns, settings)`` writes y and, for each column, the mean μ and the inverse i, and lets the
    running statistics r follow: r becomes (1 - momentum) r + momentum μ, and likewise with
    σ² N / (N - 1).  `SETTINGS` are the reals at ``settings``.

    ``batch_norm_backward(x, dy, dx, scale, mean, inverse, dscale, dshift, rows, columns, count)``
    writes dx, which may be dy, dscale and dshift.  ``count`` is N as a real.

    ``batch_norm_fixed_forward(x, y, scale, shift, mean, variance, inverse, rows, columns, eps)``
    writes y and i for the statistics that are given.

    ``batch_norm_fixed_backward(x, dy, dx, scale, mean, inverse, dscale, dshift, rows, columns)`` is
    the derivative of that.
    """
    _write_training(module)
    _write_fixed(module)


def _vectors(module: Module) -> int:
    """Vectors of columns at once: the chains that keep the adders busy, in half the registers."""
    return 8 if module.isa.broadcasts else 4


def _product(a: list[Real], b: list[Real]) -> list[Real]:
    return [left * right for left, right in zip(a, b, strict=True)]


def _set_result(
    part: Columns,
    x: Address,
    y: Address,
    rows: Int,
    mu: list[Real],
    factor: list[Real],
    beta: list[Real],
) -> None:
    """Write y = (x - μ) factor + β."""
    with part.f.loop(0, rows) as row:
        for v in range(part.count):
            d = part.of_row(x, row, v) - mu[v]
            part.set_row(y, row, v, d.fma(factor[v], beta[v]))


def _write_training(module: Module) -> None:
    kinds = (*("address",) * 8, "int", "int", "address")
    with module.function("batch_norm_forward", *kinds) as kernel:
        f, x, y, scale, shift, mean, inverse, *running, rows, columns, settings = kernel
        n, e, keep, momentum, bessel = (settings.real(i).splat() for i in range(len(SETTINGS)))

        def forward(part: Columns) -> None:
            (sums,) = part.sums(rows, 1, lambda r, v, s: [s[0] + part.of_row(x, r, v)])
            mu = [total / n for total in sums]

            def square(row: Int, vector: int, sums: list[Real]) -> list[Real]:
                d = part.of_row(x, row, vector) - mu[vector]
                return [d.fma(d, sums[0])]

            (sums,) = part.sums(rows, 1, square)
            sigma2 = [total / n for total in sums]
            i = [1.0 / (value + e).sqrt() for value in sigma2]
            part.set(mean, mu)
            part.set(inverse, i)
            for r, now in zip(running, (mu, [each * bessel for each in sigma2]), strict=True):
                follow = zip(part.of(r), now, strict=True)
                part.set(r, [old.fma(keep, new * momentum) for old, new in follow])
            _set_result(part, x, y, rows, mu, _product(i, part.of(scale)), part.of(shift))

        write_for_columns(f, columns, _vectors(module), forward)

    kinds = (*("address",) * 8, "int", "int", "real")
    with module.function("batch_norm_backward", *kinds) as kernel:
        f, x, dy, dx, scale, mean, inverse, dscale, dshift, rows, columns, count = kernel
        n = count.splat()

        def backward(part: Columns) -> None:
            mu, i = part.of(mean), part.of(inverse)

            def terms(row: Int, v: int, sums: list[Real]) -> list[Real]:
                g = part.of_row(dy, row, v)
                d = part.of_row(x, row, v) - mu[v]
                return [sums[0] + g, d.fma(g, sums[1])]

            dbeta, products = part.sums(rows, 2, terms)
            dgamma = _product(products, i)
            part.set(dshift, dbeta)
            part.set(dscale, dgamma)
            factor = _product(i, part.of(scale))
            constant = [-(k * (total / n)) for k, total in zip(factor, dbeta, strict=True)]
            slope = [
                -(k * (each * (total / n)))
                for k, each, total in zip(factor, i, dgamma, strict=True)
            ]
            with f.loop(0, rows) as row:
                for v in range(part.count):
                    d = part.of_row(x, row, v) - mu[v]
                    g = part.of_row(dy, row, v)
                    part.set_row(dx, row, v, d.fma(slope[v], g.fma(factor[v], constant[v])))

        # Half as many: each has two sums.
        write_for_columns(f, columns, _vectors(module) // 2, backward)


def _write_fixed(module: Module) -> None:
    kinds = (*("address",) * 7, "int", "int", "real")
    with module.function("batch_norm_fixed_forward", *kinds) as kernel:
        f, x, y, scale, shift, mean, variance, inverse, rows, columns, eps = kernel
        e = eps.splat()

        def forward(part: Columns) -> None:
            mu = part.of(mean)
            i = [1.0 / (value + e).sqrt() for value in part.of(variance)]
            part.set(inverse, i)
            _set_result(part, x, y, rows, mu, _product(i, part.of(scale)), part.of(shift))

        write_for_columns(f, columns, _vectors(module), forward)

    kinds = (*("address",) * 8, "int", "int")
    with module.function("batch_norm_fixed_backward", *kinds) as kernel:
        f, x, dy, dx, scale, mean, inverse, dscale, dshift, rows, columns = kernel

        def backward(part: Columns) -> None:
            mu, i = part.of(mean), part.of(inverse)
            factor = _product(i, part.of(scale))

            def terms(row: Int, v: int, sums: list[Real]) -> list[Real]:
                g = part.of_row(dy, row, v)
                d = part.of_row(x, row, v) - mu[v]
                part.set_row(dx, row, v, g * factor[v])
                return [sums[0] + g, d.fma(g, sums[1])]

            dbeta, products = part.sums(rows, 2, terms)
            part.set(dshift, dbeta)
            part.set(dscale, _product(products, i))

        write_for_columns(f, columns, _vectors(module) // 2, backward)
