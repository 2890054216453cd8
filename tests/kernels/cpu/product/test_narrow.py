"""A layer on a few rows has the bits of the canonical sum, whichever way its vectors lie."""

import numpy as np
import pytest
from support import canonical
from support.edges import CAN_PROTECT, at_the_edge
from support.panels import same_bits
from support.product_kernels import call, normal, panels, unit
from support.written_kernels import ISAS, each_target, lanes_of

from mlpcore.kernels.cpu.product.narrow import narrow_rows, turned_vectors
from mlpcore.kernels.cpu.product.words import LayerWords

pytestmark = pytest.mark.skipif(not CAN_PROTECT, reason="there is no mprotect")

each_isa = pytest.mark.parametrize("isa", ISAS, ids=lambda isa: isa.name)


@each_target
def test_there_are_kernels_for_every_number_of_rows_up_to_half_a_vector(isa, dtype):
    lanes = lanes_of(isa, dtype)
    assert narrow_rows(lanes)[-1] == lanes // 2
    assert narrow_rows(lanes)[0] == 1


def layer_words(W, bias, floor):
    words = np.zeros(LayerWords.COUNT, np.int64)
    words[LayerWords.FEATURES], words[LayerWords.OUTPUTS] = W.shape[1], W.shape[0]
    words[LayerWords.NATURAL], words[LayerWords.BIAS] = W.ctypes.data, bias.ctypes.data
    words[LayerWords.FLOOR : LayerWords.FLOOR + 1].view(W.dtype)[0] = floor
    return words


@each_isa
@pytest.mark.parametrize(
    ("outputs", "features"), [(1, 1), (10, 33), (16, 16), (17, 64), (40, 257), (33, 300)]
)
def test_a_layer(isa, outputs, features):
    dtype = np.float32
    kernels, lanes = unit("narrow", isa, dtype), lanes_of(isa, dtype)
    W = at_the_edge(normal((outputs, features), dtype))
    bias = normal(outputs, dtype, 1)
    for rows in narrow_rows(lanes):
        x = normal((rows, features), dtype, 2)
        placed = at_the_edge(panels(x, lanes))
        z = at_the_edge(np.full((outputs, lanes), np.nan, dtype))
        for floor in (-np.inf, 0.0):
            words = layer_words(W, bias, floor)
            call(kernels, f"narrow_layer_{rows}", words, placed, z, z, lanes, 0, 1)
            expected = canonical.affine(x, W, bias)
            if floor == 0.0:
                expected = np.where(expected > 0, expected, 0).astype(dtype)
            assert same_bits(z.T[:rows], expected)


@each_isa
@pytest.mark.parametrize(("outputs", "features"), [(1, 1), (5, 17), (256, 3), (300, 70)])
def test_the_gradient_of_the_input(isa, outputs, features):
    dtype = np.float32
    kernels, lanes = unit("narrow", isa, dtype), lanes_of(isa, dtype)
    W = at_the_edge(normal((outputs, features), dtype))
    for rows in narrow_rows(lanes):
        dz = normal((rows, outputs), dtype, 1)
        given = at_the_edge(panels(dz, lanes))
        da = at_the_edge(np.full((features, lanes), np.nan, dtype))
        step = turned_vectors(isa, rows) * lanes
        for k in range(0, features, step):
            for o in range(0, outputs, canonical.BLOCK):
                block = min(canonical.BLOCK, outputs - o)
                dz_there = given.reshape(-1)[o * lanes :]
                sizes = (block, features, dz_there, 0, da, lanes, 1)
                here = (k, min(step, features - k), o == 0, 0)
                call(kernels, f"narrow_gradient_{rows}", W[o:], *sizes, *here)
        assert same_bits(da.T[:rows], canonical.product(dz.T, W, canonical.BLOCK))


@each_isa
def test_infinities_and_nan_come_out_as_they_do_elsewhere(isa):
    dtype = np.float32
    kernels, lanes = unit("narrow", isa, dtype), lanes_of(isa, dtype)
    W, bias = normal((lanes + 1, 40), dtype), np.zeros(lanes + 1, dtype)
    W[0, 3], W[1, 39], W[lanes, 0] = np.inf, np.nan, -np.inf
    x = np.ones((1, 40), dtype)
    z = np.zeros((lanes + 1, lanes), dtype)
    call(kernels, "narrow_layer_1", layer_words(W, bias, 0.0), panels(x, lanes), z, z, lanes, 0, 1)
    assert z[0, 0] == np.inf
    assert np.isnan(z[1, 0])
    assert z[lanes, 0] == 0
