"""Which kernel computes a prediction, and on how many threads: the choices, not their speed."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpcore.backends.cpu.cost_model import (
    LARGEST_IMBALANCE,
    LARGEST_SPREAD,
    PASS_CHUNK_ROWS,
    SPREAD_FLOPS_PER_THREAD,
    Way,
    choose,
    choose_pass,
)


@dataclass
class Sizes:
    """A network on a machine with 16 lanes."""

    sizes: tuple
    by_row: bool = False
    lanes: int = 16
    wide: int = 32

    @property
    def dtype(self):
        return np.dtype("float32")

    @property
    def widest(self):
        return max(self.sizes)

    @property
    def flops_per_row(self):
        return 2 * sum(k * n for k, n in zip(self.sizes, self.sizes[1:], strict=False))


SMALL = Sizes((32, 64, 64, 64, 4))
MIDDLE = Sizes((784, 256, 10))
LARGE = Sizes((3072, 1024, 512, 256, 10))


@pytest.mark.parametrize("network", [SMALL, MIDDLE, LARGE])
def test_one_row_has_the_outputs_in_the_lanes_and_a_whole_panel_the_rows(network):
    assert choose(1, 1, network).way is Way.FEW
    assert choose(network.wide, 1, network).way is Way.MANY


def test_weights_from_a_slow_cache_are_read_by_fewer_rows_at_a_time():
    rows = 12
    assert choose(rows, 1, MIDDLE).way is Way.FEW
    assert choose(rows, 1, LARGE).way is Way.MANY


@pytest.mark.parametrize("network", [SMALL, MIDDLE, LARGE])
@pytest.mark.parametrize("threads", [1, 2])
def test_half_a_vector_of_rows_has_the_outputs_in_the_lanes(network, threads):
    assert choose(network.lanes // 2, threads, network).way is Way.FEW


@pytest.mark.parametrize(("network", "rows"), [(MIDDLE, 16), (MIDDLE, 32), (LARGE, 12)])
def test_threads_that_share_the_outputs_take_more_rows_that_way(network, rows):
    assert choose(rows, 1, network).way is Way.MANY
    assert (choose(rows, 2, network).way, choose(rows, 2, network).participants) == (Way.FEW, 2)


def test_threads_with_rows_of_their_own_have_no_use_for_it():
    rows = MIDDLE.lanes * 3
    assert rows > MIDDLE.wide
    assert choose(rows, 2, MIDDLE).way is Way.MANY


def test_rows_just_beyond_a_vector_do_not_pay_for_a_second_one():
    assert choose(17, 1, MIDDLE).way is Way.FEW
    assert choose(31, 1, MIDDLE).way is Way.MANY


def test_activations_of_whole_rows_need_the_rows_in_the_lanes_of_one_thread():
    network = Sizes(LARGE.sizes, by_row=True)
    assert choose(1, 1, network).way is Way.MANY
    assert choose(32, 2, network).way is Way.MANY


@pytest.mark.parametrize("rows", [16, 32, 96])
def test_two_threads_share_the_outputs_where_they_cannot_share_the_rows_evenly(rows):
    call = choose(rows, 2, LARGE)
    assert (call.way, call.participants) == (Way.SPREAD, 2)
    assert call.chunk >= rows


@pytest.mark.parametrize("rows", [64, 128, 1000])
def test_two_threads_share_the_rows_where_they_can(rows):
    call = choose(rows, 2, LARGE)
    assert (call.way, call.participants) == (Way.MANY, 2)
    assert call.chunk < rows


def test_a_small_call_stays_on_one_thread_and_keeps_the_interpreters_lock():
    for rows in (1, 8, 32):
        call = choose(rows, 8, SMALL)
        assert call.participants == 1
        assert call.short
    assert not choose(10_000, 1, LARGE).short


@given(
    sizes=st.lists(st.integers(1, 4000), min_size=2, max_size=5).map(tuple),
    rows=st.integers(1, 5000),
    threads=st.integers(1, 64),
    by_row=st.booleans(),
)
def test_every_choice_can_be_carried_out(sizes, rows, threads, by_row):
    network = Sizes(sizes, by_row)
    call = choose(rows, threads, network)
    assert 1 <= call.participants <= threads
    assert call.chunk >= 1
    assert not (call.short and call.participants > 1)
    if call.way is not Way.FEW:
        assert call.chunk % network.wide == 0
    if call.way is Way.SPREAD:
        assert call.chunk >= rows
        assert call.participants > 1
        assert rows * network.flops_per_row >= call.participants * SPREAD_FLOPS_PER_THREAD
        panels = -(-rows // network.wide)
        assert -(-panels // call.participants) * call.participants > LARGEST_IMBALANCE * panels


@given(
    sizes=st.lists(st.integers(1, 4000), min_size=2, max_size=5).map(tuple),
    rows=st.integers(1, 5000),
    threads=st.integers(1, 64),
)
def test_every_way_to_share_out_a_pass_can_be_carried_out(sizes, rows, threads):
    network = Sizes(sizes)
    for width in (network.lanes, network.wide):
        chunk, participants, spread = choose_pass(rows, threads, network, width)
        panels = -(-rows // width)
        assert chunk >= 1
        assert chunk % width == 0
        assert 1 <= participants <= threads
        if spread:
            assert participants > 1
            assert panels <= LARGEST_SPREAD
            assert chunk == panels * width
            continue
        # All chunks are of about one size, and as many for each participant.
        chunks = -(-rows // chunk)
        assert chunk <= max(width, PASS_CHUNK_ROWS)
        assert chunks == 1 or (chunks - 1) * chunk < rows <= chunks * chunk
        most = -(-chunks // participants)
        assert most * chunk < rows / participants + (most + 1) * width


def test_threads_share_a_step_on_few_rows_where_their_work_is_more_than_meeting():
    for rows, together in ((1, False), (2, True), (16, True)):
        call = choose_pass(rows, 2, MIDDLE, MIDDLE.lanes)
        assert call == (MIDDLE.lanes, 1 + together, together)
    assert choose_pass(32, 2, SMALL, SMALL.wide).participants == 1
    assert choose_pass(32, 2, LARGE, LARGE.wide) == (32, 2, True)


def test_threads_share_the_same_rows_only_where_some_would_have_more_than_others():
    for panels, threads, together in ((4, 2, False), (3, 2, True), (4, 3, True), (8, 8, False)):
        call = choose_pass(panels * LARGE.wide, threads, LARGE, LARGE.wide)
        assert call.spread == together
        assert call.participants == threads
    assert choose_pass(2 * LARGE.wide, 2, LARGE, LARGE.wide).spread
    assert not choose_pass(2 * SMALL.wide, 2, SMALL, SMALL.wide).spread
    assert not choose_pass((LARGEST_SPREAD + 1) * LARGE.wide, 8, LARGE, LARGE.wide).spread
