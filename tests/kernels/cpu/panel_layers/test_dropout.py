"""Dropout on panels draws for each row and feature what the reference draws for them."""

import numpy as np
import pytest
from support.panels import same_bits, to_panel
from support.written_kernels import ISAS, each_target, kernels, lanes_of

from mlpcore.kernels.cpu.panel_layers.dropout import write_panel_dropout
from mlpcore.kernels.reference import philox

pytestmark = pytest.mark.skipif(not ISAS, reason="this processor has no instruction set of ours")

GUARD = 77
AT = {"seed": 2**64 - 5, "step": 2**32 - 1, "layer": 7}


def forward(isa, a, rate, width, *, seed, step, layer, first_row=0):
    """Return y and the mask of a panel, after looking at what lies around them."""
    rows, features = a.shape
    panel = to_panel(a, width, np.nan)
    y, kept = np.full((features + 2, width), GUARD, a.dtype), np.full((features + 2, width), GUARD)
    kept = kept.astype("u1")
    kernels(write_panel_dropout, isa, a.dtype.type).function("dropout_forward")(
        *(panel.ctypes.data, y[1:].ctypes.data, kept[1:].ctypes.data, features, width, first_row),
        *(seed, step, layer, philox.threshold(rate), 1 / (1 - rate)),
    )
    for array in (y, kept):
        assert (array[[0, -1]] == GUARD).all()
    return y[1:-1, :rows].T, kept[1:-1]


@each_target
@pytest.mark.parametrize("vectors", [1, 2])
@pytest.mark.parametrize("features", [1, 3, 4, 7, 8, 21])
def test_forward_has_the_bits_of_the_reference(isa, dtype, vectors, features):
    width = vectors * lanes_of(isa, dtype)
    a = np.random.default_rng(0).normal(size=(width - 1, features)).astype(dtype)
    y, kept = forward(isa, a, 0.3, width, first_row=1000, **AT)
    assert same_bits(y, philox.dropout(np, a, 0.3, first_row=1000, **AT))
    words = philox.random_words(np, *a.shape, first_row=1000, **AT)
    np.testing.assert_array_equal(kept[:, : width - 1].T, words >= philox.threshold(0.3))


@each_target
def test_backward_is_forward_on_the_gradient(isa, dtype):
    width, features = 2 * lanes_of(isa, dtype), 5
    a, dy = np.random.default_rng(0).normal(size=(2, width, features)).astype(dtype)
    _, kept = forward(isa, a, 0.6, width, **AT)
    expected, _ = forward(isa, dy, 0.6, width, **AT)
    gradient = to_panel(dy, width)
    places = (gradient.ctypes.data, gradient.ctypes.data, kept.ctypes.data)  # in place
    kernels(write_panel_dropout, isa, dtype).function("dropout_backward")(
        *places, gradient.size, 1 / (1 - 0.6)
    )
    assert same_bits(gradient.T, expected)


@each_target
def test_what_is_dropped_is_zero_whatever_it_was(isa, dtype):
    width = lanes_of(isa, dtype)
    y, kept = forward(isa, np.full((width, 8), np.nan, dtype), 0.5, width, **AT)
    dropped = kept.T == 0
    assert dropped.any()
    assert same_bits(y[dropped], np.zeros(dropped.sum(), dtype))
    assert np.isnan(y[~dropped]).all()
