"""A packed weight holds each element at the place that is stated, and zeros elsewhere."""

import numpy as np
import pytest
from support.edges import CAN_PROTECT, at_the_edge
from support.panels import same_bits
from support.product_kernels import call, normal, unit
from support.written_kernels import each_target, lanes_of

from mlpcore.backends.cpu.network_table import Heights

pytestmark = pytest.mark.skipif(not CAN_PROTECT, reason="there is no mprotect")

SHAPES = [(1, 1), (1, 40), (5, 1), (14, 16), (15, 17), (29, 3), (64, 33), (67, 65)]


@each_target
@pytest.mark.parametrize(("outputs", "features"), SHAPES)
def test_in_heights(isa, dtype, outputs, features):
    W = normal((outputs, features), dtype)
    heights = Heights.of(outputs, isa.tile_rows)
    packed = at_the_edge(np.full(W.size, np.nan, dtype))
    sizes = (heights.height, heights.larger, heights.panels, features)
    call(unit("many", isa, dtype), "pack_heights", at_the_edge(W), *sizes, packed)
    expected, start = [], 0
    for panel in range(heights.panels):
        height = heights.height + (panel < heights.larger)
        expected.append(W[start : start + height].T.ravel())
        start += height
    assert start == outputs
    assert same_bits(packed, np.concatenate(expected))


@each_target
@pytest.mark.parametrize(("outputs", "features"), SHAPES)
def test_in_widths(isa, dtype, outputs, features):
    lanes = lanes_of(isa, dtype)
    W = normal((outputs, features), dtype)
    padded = np.zeros((-(-outputs // lanes) * lanes, features), dtype)
    padded[:outputs] = W
    packed = at_the_edge(np.full(padded.size, np.nan, dtype))
    call(unit("few", isa, dtype), "pack_widths", at_the_edge(W), outputs, features, packed)
    cuts = range(0, len(padded), lanes)
    expected = np.concatenate([padded[o : o + lanes].T.ravel() for o in cuts])
    assert same_bits(packed, expected)


@pytest.mark.parametrize("most", [1, 6, 12, 14])
@pytest.mark.parametrize("outputs", [1, 5, 6, 7, 13, 14, 15, 64, 509])
def test_panels_differ_in_height_by_one_at_most(outputs, most):
    heights = Heights.of(outputs, most)
    assert heights.height * heights.panels + heights.larger == outputs
    assert 0 <= heights.larger < heights.panels
    assert heights.height + (heights.larger > 0) <= most
