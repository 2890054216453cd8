"""The canonical sum in plain NumPy: chains of exactly rounded multiply-adds over blocks."""

from fractions import Fraction

import numpy as np

BLOCK = 256
"""Terms of a chain of a sum over features."""

ROW_BLOCK = 64
"""Terms of a chain of a sum over rows."""


def fma(a, b, c):
    """Return a b + c rounded once, of finite float32 or float64 numbers."""
    return _fma_single(a, b, c) if np.result_type(a) == np.float32 else _fma_double(a, b, c)


def _fma_single(a, b, c):
    """By float64: the product is exact, and a sum rounded to odd can be rounded once more.

    S. Boldo and G. Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using
    rounding to odd", IEEE Transactions on Computers 57 (2008).
    """
    product, c = np.float64(a) * np.float64(b), np.float64(c)
    total = product + c
    back = total - product
    error = (product - (total - back)) + (c - back)  # D. Knuth's TwoSum: exact
    even = total.view(np.int64) % 2 == 0
    beyond = np.nextafter(total, np.where(error > 0, np.inf, -np.inf))
    return np.where((error != 0) & even, beyond, total).astype(np.float32)


@np.vectorize(otypes=[np.float64])
def _fma_double(a, b, c):
    exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
    return float(exact) if exact else float(a) * float(b) + float(c)  # the sign of a zero


def chain(a, b):
    """Return the chain sum over k of a[k, i] b[k, j], shape (i, j), in ascending k from zero."""
    total = np.zeros((a.shape[1], b.shape[1]), a.dtype)
    for left, right in zip(a, b, strict=True):
        total = fma(*np.broadcast_arrays(left[:, None], right[None, :], total))
    return total


def product(a, b, block):
    """Return sum over k of a[k, i] b[k, j]: chains of `block` terms, their sums added ascending."""
    total = chain(a[:block], b[:block])
    for start in range(block, len(a), block):
        total = total + chain(a[start : start + block], b[start : start + block])
    return total


def affine(x, W, bias):
    """Return z = x Wᵀ + b, shape (rows, out)."""
    return product(x.T, W.T, BLOCK) + bias


def column_sums(dz):
    """Return db = sum over rows of dz, shape (out,): blocks of rows, ascending."""
    total = np.zeros(dz.shape[1], dz.dtype)
    for start in range(0, len(dz), ROW_BLOCK):
        block = np.zeros(dz.shape[1], dz.dtype)
        for row in dz[start : start + ROW_BLOCK]:
            block = block + row
        total = total + block
    return total
