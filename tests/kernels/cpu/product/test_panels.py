"""Rows become panels and come back, and nothing around them is touched."""

import numpy as np
import pytest
from support.edges import CAN_PROTECT, at_the_edge
from support.panels import same_bits
from support.product_kernels import call, normal, panels, unit
from support.written_kernels import each_target, lanes_of

pytestmark = pytest.mark.skipif(not CAN_PROTECT, reason="there is no mprotect")


def shapes(lanes, vectors):
    """Give widths of a panel, rows and features that fill it, nearly, or hardly."""
    for width in {lanes, vectors * lanes}:
        for rows in {1, lanes - 1, lanes, width - 1, width} - {0}:
            for features in (1, lanes - 1, lanes, lanes + 1, 2 * lanes, 2 * lanes + 3):
                if features:
                    yield width, min(rows, width), features


@each_target
def test_a_panel_holds_each_feature_of_its_rows_and_zeros(isa, dtype):
    kernels = unit("many", isa, dtype)
    for width, rows, features in shapes(lanes_of(isa, dtype), isa.tile_vectors):
        x = at_the_edge(normal((rows, features), dtype))
        panel = at_the_edge(np.full((features, width), np.nan, dtype))
        call(kernels, "into_panel", x, features, rows, features, panel, width, 0, 0)
        assert same_bits(panel, panels(x, width)[0])


@each_target
def test_a_panel_can_be_standardized_on_the_way(isa, dtype):
    kernels, lanes = unit("many", isa, dtype), lanes_of(isa, dtype)
    for features in (1, lanes, lanes + 3):
        x = normal((lanes, features), dtype)
        mean, scale = (at_the_edge(normal(features, dtype, seed)) for seed in (1, 2))
        panel = np.empty((features, lanes), dtype)
        call(kernels, "into_panel", x, features, lanes, features, panel, lanes, mean, scale)
        assert same_bits(panel, ((x - mean) * scale).T)


@each_target
def test_rows_come_back_and_what_lies_between_them_stays(isa, dtype):
    kernels = unit("many", isa, dtype)
    for width, rows, features in shapes(lanes_of(isa, dtype), isa.tile_vectors):
        x = normal((rows, features), dtype)
        panel = at_the_edge(panels(x, width, beyond=np.nan)[0])
        y = np.full((rows, features + 2), 7, dtype)
        placed = at_the_edge(y.ravel()[: y.size - 2])  # the last row ends at the edge
        call(kernels, "from_panel", panel, width, rows, features, placed, features + 2)
        y.ravel()[: y.size - 2] = placed
        assert same_bits(y[:, :features], x)
        assert (y[:, features:] == 7).all()
