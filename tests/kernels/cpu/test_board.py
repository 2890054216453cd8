"""Shares of a board: one's own from the front, the others' from the back, each task once."""

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpcore.kernels.cpu.board import Board, board_bytes
from mlpcore.kernels.cpu.codegen.function import Module
from mlpcore.kernels.cpu.codegen.instruction_set import instruction_set
from mlpcore.kernels.cpu.codegen.object_code import object_code
from mlpcore.kernels.cpu.units import load_unit

pytestmark = pytest.mark.skipif(
    instruction_set() is None, reason="this processor has no fused multiply-add"
)


@functools.cache
def kernels():
    """Write `begin` and `claim`, in which a participant claims up to `most` tasks of phase 0."""
    isa = instruction_set()
    module = Module(isa, "float32")
    with module.function("begin", "address", "int") as (f, place, shares):
        Board(place, shares).clear(1)
    kinds = ("address", "int", "int", "int", "address", "int")
    with module.function("claim", *kinds, result="int") as (
        f,
        place,
        shares,
        count,
        participant,
        found,
        most,
    ):
        n = f.variable(f.int(0))
        with Board(place, shares).tasks(0, count, participant) as task:
            found.store(task, n.value)
            n.value = n.value + 1
            with f.when(n.value >= most):
                f.returns(n.value)
        f.returns(n.value)
    return load_unit(object_code(module), isa, "float32")


class Phase:
    """A phase of a board; a participant that stops early has not finished its last task."""

    def __init__(self, shares, count):
        self.shares, self.count = shares, count
        # A claim that was abandoned is lost, so that what others get can be looked at.
        self._memory = np.full(board_bytes(1, shares) // 8 + 8, -1, dtype=np.int64)
        self._place = self._memory[-self._memory.ctypes.data % 64 // 8 :].ctypes.data
        kernels().function("begin")(self._place, shares)

    def claim(self, participant, most=None):
        found = np.full(self.count + 1, -1, dtype=np.int64)
        most = self.count + 1 if most is None else most
        arguments = (self._place, self.shares, self.count, participant, found.ctypes.data, most)
        n = kernels().function("claim")(*arguments)
        return found[:n].tolist()


def test_one_takes_its_own_tasks_in_order_and_those_of_the_others_from_the_back():
    assert Phase(2, 6).claim(0) == [0, 1, 2, 5, 4, 3]
    assert Phase(2, 6).claim(1) == [3, 4, 5, 2, 1, 0]
    assert Phase(3, 6).claim(1) == [2, 3, 5, 4, 1, 0]


def test_the_first_shares_have_one_task_more_where_they_cannot_be_equal():
    phase = Phase(3, 8)
    assert phase.claim(0, 3) == [0, 1, 2]
    assert phase.claim(1, 3) == [3, 4, 5]
    assert phase.claim(2, 2) == [6, 7]
    assert [phase.claim(i) for i in range(3)] == [[], [], []]


def test_an_owner_and_a_thief_meet_in_the_middle():
    phase = Phase(2, 8)
    assert phase.claim(1, 5) == [4, 5, 6, 7, 3]
    assert phase.claim(0, 2) == [0, 1]
    assert phase.claim(1) == [2]
    assert phase.claim(0) == []


@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_each_task_is_claimed_once_whoever_comes_when(data):
    shares, count = data.draw(st.integers(1, 5)), data.draw(st.integers(0, 40))
    phase, found = Phase(shares, count), []
    while len(found) < count:
        participant = data.draw(st.integers(0, shares - 1))
        new = phase.claim(participant, data.draw(st.integers(1, 8)))
        assert new  # nobody goes away without a task while there is one
        found += new
    assert sorted(found) == list(range(count))


def test_words_of_different_threads_lie_two_cache_lines_apart():
    assert board_bytes(1, 1) == 2 * 128
    assert board_bytes(3, 4) == 15 * 128
