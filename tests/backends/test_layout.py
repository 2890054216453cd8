"""Named arrays in one flat buffer, each at a 64-byte boundary."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpcore.backends.layout import ALIGNMENT, Layout
from mlpcore.program import Parameter

shapes = st.lists(
    st.lists(st.integers(1, 20), min_size=1, max_size=2).map(tuple), min_size=0, max_size=6
)


@given(shapes, st.sampled_from([4, 8]))
def test_every_array_starts_at_a_boundary_and_none_overlap(shapes, itemsize):
    layout = Layout.of(tuple(Parameter(f"p{i}", s) for i, s in enumerate(shapes)), itemsize)
    ends = [0, *(slot.start + slot.size for slot in layout.places)]
    for slot, end in zip(layout.places, ends, strict=False):
        assert slot.start * itemsize % ALIGNMENT == 0
        assert slot.start >= end
    assert layout.length >= ends[-1]
    assert layout.count == sum(int(np.prod(shape)) for shape in shapes)


@given(shapes)
def test_views_share_the_buffer_and_leave_the_holes_alone(shapes):
    layout = Layout.of(tuple(Parameter(f"p{i}", s) for i, s in enumerate(shapes)), 4)
    flat = np.zeros(layout.length, dtype=np.float32)
    for view in layout.views(flat).values():
        view[...] = 1
    assert flat.sum() == layout.count


def test_a_scalar_step_of_alignment():
    layout = Layout.of((Parameter("a", (1,)), Parameter("b", (17,)), Parameter("c", (1,))), 4)
    assert [slot.start for slot in layout.places] == [0, 16, 48]
    assert layout.length == 64


@pytest.mark.parametrize("itemsize", [4, 8])
def test_no_parameters_need_no_space(itemsize):
    assert Layout.of((), itemsize).length == 0
