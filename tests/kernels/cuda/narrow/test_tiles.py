"""What a block computes, and where in its shared memory."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpcore.kernels.cuda.narrow import NarrowKernels, NarrowLayer
from mlpcore.kernels.cuda.narrow.tiles import (
    LANES_OF_OUTPUTS,
    LANES_OF_ROWS,
    THREADS,
    block_layout,
    rows_of_tile,
    thread_tile,
    weight_step,
)

sizes = st.integers(1, 128)
itemsizes = st.sampled_from([4, 8])
BANKS, BANK_BYTES = 32, 4


def chain(widths):
    return [NarrowLayer(n, m, "relu", 0) for n, m in pairwise(widths)]


@given(outputs=sizes, itemsize=itemsizes, many=st.booleans())
def test_the_warps_cover_every_output_of_every_row_once(outputs, itemsize, many):
    rows = rows_of_tile(itemsize, many)
    tile = thread_tile(outputs, rows, itemsize)
    warps_over_rows = THREADS // 32 // tile.warps
    assert tile.rows * LANES_OF_ROWS * warps_over_rows == rows
    assert outputs <= tile.outputs < outputs + LANES_OF_OUTPUTS * tile.warps
    assert tile.rows * tile.columns * itemsize <= 256


def most_in_a_bank(words):
    """Return how many different words of one bank are among these."""
    banks = [{w for w in words if w % BANKS == bank} for bank in range(BANKS)]
    return max(map(len, banks))


@given(inputs=sizes, itemsize=itemsizes)
def test_eight_lanes_that_load_vectors_of_w_meet_in_no_bank(inputs, itemsize):
    step = weight_step(inputs, itemsize)
    assert inputs <= step
    assert step * itemsize % 16 == 0
    starts = [lane * step * itemsize // BANK_BYTES for lane in range(8)]
    assert most_in_a_bank([start + word for start in starts for word in range(4)]) == 1


@given(widths=st.lists(sizes, min_size=2, max_size=5), itemsize=itemsizes)
def test_lanes_that_store_activations_meet_in_no_bank(widths, itemsize):
    step = block_layout(chain(widths), rows_of_tile(itemsize, True), itemsize, 0).a_step
    assert max(widths) <= step
    words = itemsize // BANK_BYTES
    rows_at_once = LANES_OF_ROWS // words  # doubles are stored by half a warp at a time
    places = [r * step + o for r in range(rows_at_once) for o in range(LANES_OF_OUTPUTS)]
    assert most_in_a_bank([p * words + w for p in places for w in range(words)]) == 1


@given(widths=st.lists(sizes, min_size=2, max_size=5), itemsize=itemsizes, many=st.booleans())
def test_nothing_overlaps_and_all_fits(widths, itemsize, many):
    layers, rows = chain(widths), rows_of_tile(itemsize, many)
    resident = block_layout(layers, rows, itemsize, 10**9)
    assert resident.weights == rows * resident.a_step
    ends = [
        place
        + thread_tile(layer.outputs, rows, itemsize).outputs * weight_step(layer.inputs, itemsize)
        for place, layer in zip(resident.places, layers, strict=True)
    ]
    assert resident.places == (0, *ends[:-1])
    assert resident.bytes == (resident.weights + ends[-1]) * itemsize
    assert block_layout(layers, rows, itemsize, resident.bytes) == resident

    panels = block_layout(layers, rows, itemsize, resident.bytes - 1)
    assert panels.places == ()
    assert panels.bytes <= 48 * 1024  # what a block has without asking


def test_a_network_of_64_has_its_weights_resident_on_the_smallest_device():
    assert block_layout(chain([32, 64, 64, 64, 4]), 64, 4, 64 * 1024).places


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], "at least one layer"),
        (chain([129, 3]), "layer 0 has 129 inputs"),
        (chain([3, 0]), "0 outputs"),
        ([NarrowLayer(3, 3, "softmax", 0)], "unknown activation 'softmax'"),
        ([NarrowLayer(3, 3, "relu", -16)], "begin before"),
        ([*chain([3, 4]), *chain([5, 2])], "layer 1 has 5 inputs, but the layer before has 4"),
    ],
)
def test_layers_that_no_kernel_has(layers, message):
    with pytest.raises(ValueError, match=message):
        NarrowKernels(layers, "float32")


def test_other_dtypes_are_refused():
    with pytest.raises(TypeError, match="float32 or float64, got float16"):
        NarrowKernels(chain([3, 4]), "float16")
