r"""The kernels of layer normalisation: a group of threads has a row.

With sums over the F features of a row,

.. math::
    \mu = \frac1F \sum x, \quad \sigma^2 = \frac1F \sum (x - \mu)^2, \quad
    i = \frac{1}{\sqrt{\sigma^2 + \varepsilon}}, \quad y = (x - \mu)\, i\, \gamma + \beta

    dx = i \left(dn - \frac1F \sum dn - n \, \frac1F \sum dn \, n\right), \qquad
    dn = dy\, \gamma, \quad n = (x - \mu)\, i

(J. L. Ba, J. R. Kiros and G. E. Hinton, "Layer normalization", arXiv:1607.06450, equation 4.)
"""

from __future__ import annotations

from math import sqrt
from typing import Any

from ..compiler import KernelSource
from ..formulas import Tools, fused
from ..groups import group_sum, groups_of_block


def row_normalized(tools: Tools, size: int) -> KernelSource:
    """Write the kernel of y, μ and i, which reads a row three times: for μ, σ² and y."""
    cuda, real = tools.cuda, tools.real
    groups = groups_of_block(size)
    total_of, add_product = group_sum(tools, size), tools.device(fused)

    def kernel(
        x: Any, y: Any, scale: Any, shift: Any, mean: Any, inverse: Any, rows: int, features: int,
        eps: float,
    ) -> None:  # fmt: skip
        lane = cuda.threadIdx.x % size
        first = cuda.blockIdx.x * groups
        while first < rows:  # the same rounds for all threads of a block, who wait for each other
            row = first + cuda.threadIdx.x // size
            length = features if row < rows else 0
            start, count = row * features, real(features)
            mu, sigma2 = 0.0, 0.0
            for k in range(lane, length, size):
                mu += x[start + k]
            mu = total_of(mu) / count
            for k in range(lane, length, size):
                d = x[start + k] - mu
                sigma2 = add_product(d, d, sigma2)
            i = 1.0 / sqrt(total_of(sigma2) / count + eps)
            if row < rows and lane == 0:
                mean[row], inverse[row] = mu, i
            for k in range(lane, length, size):
                y[start + k] = add_product((x[start + k] - mu) * i, scale[k], shift[k])
            first += cuda.gridDim.x * groups

    return KernelSource(kernel, "real* " * 6 + "int int real")


def row_gradient(tools: Tools, size: int) -> KernelSource:
    """Write the kernel of dx."""
    cuda, real = tools.cuda, tools.real
    groups = groups_of_block(size)
    total_of, add_product = group_sum(tools, size), tools.device(fused)

    def kernel(
        x: Any, dy: Any, dx: Any, scale: Any, mean: Any, inverse: Any, rows: int, features: int
    ) -> None:
        lane = cuda.threadIdx.x % size
        first = cuda.blockIdx.x * groups
        while first < rows:
            row = first + cuda.threadIdx.x // size
            length = features if row < rows else 0
            start, count = row * features, real(features)
            mu, i = 0.0, 0.0
            if row < rows:
                mu, i = mean[row], inverse[row]
            total, along = 0.0, 0.0
            for k in range(lane, length, size):
                dn = dy[start + k] * scale[k]
                total += dn
                along = add_product((x[start + k] - mu) * i, dn, along)
            total, along = total_of(total) / count, total_of(along) / count
            for k in range(lane, length, size):
                dn = dy[start + k] * scale[k]
                n = (x[start + k] - mu) * i
                dx[start + k] = (dn - total - n * along) * i
            first += cuda.gridDim.x * groups

    return KernelSource(kernel, "real* " * 6 + "int int")
