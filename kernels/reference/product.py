"""The matrix product of a stage and its gradients.

With x of shape (rows, in), W of shape (out, in) and dz of shape (rows, out):

    z = x Wᵀ        dx = dz W        dW = dzᵀ x

(M. Nielsen, "Neural Networks and Deep Learning" (2015), chapter 2, equations BP2 and BP4, for a
batch.)
"""

from .typing import Array, Namespace


def product(x: Array, W: Array) -> Array:
    """Return x Wᵀ, shape (rows, out)."""
    return x @ W.T


def product_input_gradient(dz: Array, W: Array) -> Array:
    """Return dx = dz W, shape (rows, in)."""
    return dz @ W


def product_weight_gradient(xp: Namespace, dz: Array, x: Array, out: Array) -> None:
    """Write dW = dzᵀ x, shape (out, in), into `out`, an array of NumPy or CuPy."""
    xp.matmul(dz.T, x, out=out)  # not first into an array of its own: it is as large as the weights
