"""Dropout has the bits of the reference on every instruction set, and goes back by its mask."""

import numpy as np
import pytest
from support.panels import same_bits
from support.written_kernels import DTYPES, ISAS, each_target, kernels

from mlpcore.kernels.cpu.layers.dropout import write_dropout
from mlpcore.kernels.cpu.layers.masks import PADDED
from mlpcore.kernels.reference import philox

pytestmark = pytest.mark.skipif(not ISAS, reason="this processor has no instruction set of ours")

SHAPES = [(1, 1), (3, 3), (2, 4), (5, 10), (2, 31), (1, 64), (3, 65), (2, 300), (0, 7)]
GUARD = 77


def forward(isa, x, rate, *, seed=3, step=4, layer=5, first_row=0):
    """Return y and the mask, after looking at what lies around them."""
    rows, columns = x.shape
    padded = -(-columns // PADDED) * PADDED
    y, kept = np.full((rows + 2, columns), GUARD, x.dtype), np.full((rows + 2, padded), GUARD, "u1")
    places = (x.ctypes.data, y[1:].ctypes.data, kept[1:].ctypes.data)
    at = (first_row, seed, step, layer)
    kernels(write_dropout, isa, x.dtype.type).function("dropout_forward")(
        *places, rows, columns, *at, philox.threshold(rate), 1 / (1 - rate)
    )
    assert (y[[0, -1]] == GUARD).all()
    assert (kept[[0, -1]] == GUARD).all()
    return y[1:-1].copy(), kept[1:-1].copy()


def backward(isa, dy, kept, rate):
    dx = np.empty_like(dy)
    places = (dy.ctypes.data, dx.ctypes.data, kept.ctypes.data)
    kernels(write_dropout, isa, dy.dtype.type).function("dropout_backward")(
        *places, *dy.shape, 1 / (1 - rate)
    )
    return dx


def numbers(shape, dtype, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


@each_target
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_forward_has_the_bits_of_the_reference(isa, dtype, shape):
    x, at = numbers(shape, dtype), {"seed": 2**64 - 5, "step": 2**32 - 1, "layer": 7}
    y, kept = forward(isa, x, 0.3, first_row=1000, **at)
    assert same_bits(y, philox.dropout(np, x, 0.3, first_row=1000, **at))
    words = philox.random_words(np, *shape, first_row=1000, **at)
    np.testing.assert_array_equal(kept[:, : shape[1]], words >= philox.threshold(0.3))


@each_target
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_backward_is_forward_on_the_gradient(isa, dtype, shape):
    x, dy = numbers(shape, dtype), numbers(shape, dtype, 1)
    _, kept = forward(isa, x, 0.6)
    expected, _ = forward(isa, dy, 0.6)
    assert same_bits(backward(isa, dy, kept, 0.6), expected)


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1])
@pytest.mark.parametrize("place", [(0, 0, 0), (2**32 - 1, 0, 0), (0, 2**32 - 1, 2**32 - 3)])
def test_every_counter_and_key_is_drawn_as_the_reference_draws_it(seed, place):
    x = np.ones((2, 70), np.float32)
    at = dict(zip(("step", "layer", "first_row"), place, strict=True), seed=seed)
    assert same_bits(forward(ISAS[0], x, 0.5, **at)[0], philox.dropout(np, x, 0.5, **at))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rate", [0.0, 2.0**-32, 0.5, 1 - 2.0**-32])
def test_every_rate(dtype, rate):
    x = numbers((4, 40), dtype)
    expected = philox.dropout(np, x, rate, seed=3, step=4, layer=5)
    assert same_bits(forward(ISAS[0], x, rate)[0], expected)


@each_target
def test_what_is_dropped_is_zero_whatever_it_was(isa, dtype):
    x = np.resize(np.array([np.nan, np.inf, -np.inf, -0.0], dtype), (6, 50))
    y, kept = forward(isa, x, 0.5)
    assert same_bits(y, np.where(kept[:, :50] == 1, x, dtype(0)))
    assert same_bits(backward(isa, x, kept, 0.5), y)


@each_target
def test_a_row_depends_on_its_number_alone(isa, dtype):
    x = numbers((9, 37), dtype)
    whole, _ = forward(isa, x, 0.4, first_row=11)
    parts = [forward(isa, x[r : r + 1], 0.4, first_row=11 + r)[0] for r in range(9)]
    assert same_bits(whole, np.concatenate(parts))
