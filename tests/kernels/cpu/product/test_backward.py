"""The products of the backward pass are the canonical sums over outputs and over rows."""

import numpy as np
import pytest
from support import canonical
from support.edges import CAN_PROTECT, at_the_edge
from support.panels import same_bits
from support.product_kernels import call, normal, panels, unit
from support.written_kernels import ISAS, each_target, lanes_of

from mlpcore.kernels.cpu.product.backward import PLACES_ASKED, turned_elements, turned_features

pytestmark = pytest.mark.skipif(not CAN_PROTECT, reason="there is no mprotect")

ASKED = np.zeros(PLACES_ASKED, np.int64)
"""Where a tile looks ahead: anything may be asked for, also what cannot be read."""

# Exact arithmetic is slow in Python for float64, which test_training has a little of.
single, each_isa = np.float32, pytest.mark.parametrize("isa", ISAS, ids=lambda isa: isa.name)


@each_isa
@pytest.mark.parametrize(
    ("outputs", "features"), [(1, 1), (5, 17), (256, 3), (256, 40), (300, 300)]
)
def test_the_gradient_of_the_input(isa, outputs, features):
    dtype = single
    kernels, lanes = unit("gradient", isa, dtype), lanes_of(isa, dtype)
    W = at_the_edge(normal((outputs, features), dtype))
    for width in (lanes, isa.tile_vectors * lanes):
        dz = normal((width, outputs), dtype, 1)
        copied = at_the_edge(np.zeros(turned_elements(isa, 4), dtype))
        given = at_the_edge(panels(dz, width))
        da = at_the_edge(np.full((features, width), np.nan, dtype))
        for k in range(0, features, turned_features(isa, 4)):
            height = min(turned_features(isa, 4), features - k)
            for o in range(0, outputs, canonical.BLOCK):
                block = min(canonical.BLOCK, outputs - o)
                dz_there = given.reshape(-1)[o * width :]
                sizes = (block, features, dz_there, 0, da, width, 1, k, height, o == 0, copied)
                call(kernels, "input_gradient", W[o:], *sizes)
        assert same_bits(da, canonical.product(dz.T, W, canonical.BLOCK).T)


def strips(kernels, dz, width, **options):
    """Return the panels of dz, shape (rows, outputs), where all outputs are one strip."""
    given = at_the_edge(panels(dz, width, **options))
    outputs = dz.shape[1]
    for panel in given.reshape(-1, outputs * width):
        call(kernels, "strips", panel, panel, width, outputs)
    return given


@each_target
def test_a_strip_of_a_panel_row_after_row(isa, dtype):
    kernels, lanes = unit("passes", isa, dtype), lanes_of(isa, dtype)
    for width in (lanes, isa.tile_vectors * lanes):
        for outputs in range(1, isa.tile_rows + 1):
            dz = normal((width, outputs), dtype)
            panel = at_the_edge(panels(dz, width))
            to = at_the_edge(np.full(panel.size, np.nan, dtype))
            call(kernels, "strips", panel, to, width, outputs)
            assert same_bits(to.reshape(dz.shape), dz)
            assert same_bits(strips(kernels, dz, width).reshape(dz.shape), dz)


@each_isa
@pytest.mark.parametrize("rows", [1, 2, 15, 16, 17, 63, 64, 65, 130])
def test_the_gradient_of_a_tile_of_a_weight(isa, rows):
    dtype = single
    kernels, lanes = unit("passes", isa, dtype), lanes_of(isa, dtype)
    wide = isa.tile_vectors * lanes
    for width, height in ((lanes, isa.tile_rows), (wide, 1), (wide, 2)):
        dz, x = normal((rows, height), dtype), normal((rows, wide), dtype, 1)
        given = strips(kernels, dz, width, beyond=np.nan)  # which no sum may read
        g = at_the_edge(np.zeros((height, wide), dtype))
        sizes = (height * width, width, at_the_edge(x), rows, height, g, 1, ASKED, 8)
        call(kernels, "weight_gradient", given, *sizes)
        assert same_bits(g, canonical.product(dz, x, canonical.ROW_BLOCK))


@each_isa
@pytest.mark.parametrize("rows", [65, 128, 200])
def test_the_gradient_of_a_tile_of_a_weight_in_two_parts(isa, rows):
    kernels, lanes = unit("passes", isa, single), lanes_of(isa, single)
    wide, height, first = isa.tile_vectors * lanes, 2, 64
    dz, x = normal((rows, height), single), normal((rows, wide), single, 1)
    g = np.full((height, wide), np.nan, single)
    for part, fresh in ((slice(first), 1), (slice(first, None), 0)):
        given, columns = strips(kernels, dz[part], wide), np.ascontiguousarray(x[part])
        sizes = (height * wide, wide, columns, len(columns), height, g, fresh, ASKED, 8)
        call(kernels, "weight_gradient", given, *sizes)
    assert same_bits(g, canonical.product(dz, x, canonical.ROW_BLOCK))


@each_target
def test_columns_are_copied_without_gaps_and_zeros_fill_the_tile(isa, dtype):
    kernels, lanes = unit("passes", isa, dtype), lanes_of(isa, dtype)
    wide = isa.tile_vectors * lanes
    for rows, columns in ((1, 1), (3, lanes), (2, lanes + 1), (70, wide - 1), (5, wide)):
        x = normal((rows, columns + 5), dtype)
        placed = at_the_edge(x.ravel()[5:])  # the columns are the last ones
        to = at_the_edge(np.full((rows, wide), np.nan, dtype))
        call(kernels, "copy_columns", placed, columns + 5, rows, columns, to)
        assert same_bits(to[:, :columns], x[:, 5:])
        assert (to[:, columns:] == 0).all()


@each_target
@pytest.mark.parametrize("rows", [1, 15, 16, 17, 64, 65, 130, 200])
def test_the_gradient_of_a_bias(isa, dtype, rows):
    kernels, lanes = unit("passes", isa, dtype), lanes_of(isa, dtype)
    for width in (lanes, isa.tile_vectors * lanes):
        for outputs in {1, 2, isa.tile_rows - 1, isa.tile_rows}:
            dz = normal((rows, outputs), dtype)
            given = strips(kernels, dz, width)
            g = at_the_edge(np.zeros(outputs, dtype))
            call(kernels, "bias_gradient", given, outputs * width, width, rows, outputs, g)
            assert same_bits(g, canonical.column_sums(dz))
