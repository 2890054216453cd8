r"""The kernels of batch normalisation: a thread has a column, and some of its rows.

.. math::
    \mu = \frac1N \sum x, \quad \sigma^2 = \frac1N \sum (x - \mu)^2, \quad
    i = \frac{1}{\sqrt{\sigma^2 + \varepsilon}}, \quad y = (x - \mu)\, i\, \gamma + \beta

    dx = i \gamma \left(dy - \frac{d\beta}{N} - (x - \mu)\, i\, \frac{d\gamma}{N}\right)

(S. Ioffe and C. Szegedy, "Batch normalization", arXiv:1502.03167.)  Sums go over blocks of 64 rows,
ascending, and then over the blocks.  The variance comes from those of the blocks, with

.. math::
    \sum (x - \mu)^2 = \sum_b \left(S_b + 2 (\mu_b - \mu) R_b + n_b (\mu_b - \mu)^2\right)

where a block has mean :math:`\mu_b` and :math:`n_b` rows, and :math:`S_b` and :math:`R_b` are the
sums of :math:`(x - \mu_b)^2` and of :math:`x - \mu_b`, not zero since :math:`\mu_b` is rounded
(after T. F. Chan, G. H. Golub and R. J. LeVeque, "Algorithms for computing the sample variance",
The American Statistician 37, 1983): no digits are lost where the mean is large.

Where a loop writes, it takes four rows at a time and reads all that it needs of them first: the
compiler, which cannot know that the arrays lie apart, moves no read before a write.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

from ..column_sums import BLOCK
from ..compiler import KernelSource
from ..formulas import Tools, fused


def block_moments(tools: Tools) -> KernelSource:
    """Write the kernel whose results (b, k) are Σ x, S_b and R_b of column k in block b."""
    cuda, real = tools.cuda, tools.real
    add_product = tools.device(fused)

    def kernel(
        x: Any, sums: Any, squares: Any, rests: Any, rows: int, features: int, n: int
    ) -> None:
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        while i < n:  # neighbouring threads read neighbouring columns
            first = i // features * BLOCK
            last = min(first + BLOCK, rows)
            begin, end = first * features + i % features, last * features
            total, square, rest = 0.0, 0.0, 0.0
            for place in range(begin, end, features):
                total += x[place]
            mean = total / real(last - first)
            for place in range(begin, end, features):
                d = x[place] - mean
                square = add_product(d, d, square)
                rest += d
            sums[i], squares[i], rests[i] = total, square, rest
            i += cuda.gridDim.x * cuda.blockDim.x

    return KernelSource(kernel, "real* real* real* real* int int int")


def normalized(tools: Tools, of_batch: bool) -> KernelSource:
    """Write the kernel of y, μ and i, which in training lets the running statistics follow."""
    cuda, real = tools.cuda, tools.real
    add_product = tools.device(fused)

    def kernel(
        x: Any, y: Any, scale: Any, shift: Any, sums: Any, squares: Any, rests: Any,
        running_mean: Any, running_variance: Any, mean: Any, inverse: Any, rows: int,
        features: int, share: int, n: int, eps: float, keep: float, momentum: float,
        bessel: float,
    ) -> None:  # fmt: skip
        item = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        while item < n:
            k, first = item % features, item // features * share
            if of_batch:
                mu, sigma2 = 0.0, 0.0
                blocks, count = (rows + BLOCK - 1) // BLOCK, real(rows)
                for b in range(blocks):
                    mu += sums[b * features + k]
                mu /= count
                for b in range(blocks):
                    size = real(min(BLOCK, rows - b * BLOCK))
                    d = sums[b * features + k] / size - mu
                    twice = rests[b * features + k] + rests[b * features + k]
                    sigma2 += add_product(add_product(size, d, twice), d, squares[b * features + k])
                sigma2 /= count
                if first == 0:
                    running_mean[k] = keep * running_mean[k] + momentum * mu
                    running_variance[k] = keep * running_variance[k] + momentum * (sigma2 * bessel)
            else:
                mu, sigma2 = running_mean[k], running_variance[k]
            i = 1.0 / sqrt(sigma2 + eps)
            if first == 0:
                mean[k], inverse[k] = mu, i
            factor, beta = i * scale[k], shift[k]
            place, end = first * features + k, min(first + share, rows) * features
            while place + 3 * features < end:
                p1, p2, p3 = place + features, place + 2 * features, place + 3 * features
                x0, x1, x2, x3 = x[place], x[p1], x[p2], x[p3]
                y[place] = add_product(x0 - mu, factor, beta)
                y[p1] = add_product(x1 - mu, factor, beta)
                y[p2] = add_product(x2 - mu, factor, beta)
                y[p3] = add_product(x3 - mu, factor, beta)
                place += 4 * features
            while place < end:
                y[place] = add_product(x[place] - mu, factor, beta)
                place += features
            item += cuda.gridDim.x * cuda.blockDim.x

    kinds = ["real*"] * 11 + ["int"] * 4 + ["real"] * 4
    return KernelSource(kernel, " ".join(kinds))


def input_gradient(d: float, dy: float, factor: float, constant: float, slope: float) -> float:
    """Return dx for d = x - μ, with what is the same in a column."""
    return fused(d, slope, fused(dy, factor, constant))


def batch_gradient(tools: Tools, of_batch: bool) -> KernelSource:
    """Write the kernel of dx, dγ and dβ from the sums of the blocks."""
    cuda, real = tools.cuda, tools.real
    gradient = tools.device(input_gradient)

    def kernel(
        x: Any, dy: Any, dx: Any, scale: Any, mean: Any, inverse: Any, shifts: Any, scales: Any,
        dscale: Any, dshift: Any, rows: int, features: int, share: int, n: int,
    ) -> None:  # fmt: skip
        item = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        while item < n:
            k, first = item % features, item // features * share
            dbeta, dgamma = 0.0, 0.0
            if of_batch or first == 0:
                for b in range((rows + BLOCK - 1) // BLOCK):
                    dbeta += shifts[b * features + k]
                    dgamma += scales[b * features + k]
            if first == 0:
                dshift[k], dscale[k] = dbeta, dgamma
            mu, i = mean[k], inverse[k]
            factor = i * scale[k]
            constant, slope = 0.0, 0.0
            if of_batch:
                count = real(rows)
                constant, slope = -factor * (dbeta / count), -factor * (i * (dgamma / count))
            place, end = first * features + k, min(first + share, rows) * features
            while of_batch and place + 3 * features < end:
                p1, p2, p3 = place + features, place + 2 * features, place + 3 * features
                x0, x1, x2, x3 = x[place], x[p1], x[p2], x[p3]
                g0, g1, g2, g3 = dy[place], dy[p1], dy[p2], dy[p3]
                dx[place] = gradient(x0 - mu, g0, factor, constant, slope)
                dx[p1] = gradient(x1 - mu, g1, factor, constant, slope)
                dx[p2] = gradient(x2 - mu, g2, factor, constant, slope)
                dx[p3] = gradient(x3 - mu, g3, factor, constant, slope)
                place += 4 * features
            while place < end:
                if of_batch:
                    dx[place] = gradient(x[place] - mu, dy[place], factor, constant, slope)
                else:
                    dx[place] = dy[place] * factor
                place += features
            item += cuda.gridDim.x * cuda.blockDim.x

    return KernelSource(kernel, "real* " * 10 + "int int int int")
