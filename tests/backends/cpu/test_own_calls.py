"""Prepared calls: found by shape, dropped when their memory is outgrown, apart for each thread."""

import gc
import os
import threading
import weakref

import numpy as np
import pytest

from mlpcore import MLP
from mlpcore.backends.base import Settings
from mlpcore.backends.cpu import scratch
from mlpcore.backends.cpu.own_calls import OwnCalls, takes
from mlpcore.backends.cpu.the_team import team

SIZES = [32, 256, 256, 10]
FEW, MANY = (1, 32), (20_000, 32)


@pytest.fixture
def calls():
    """Prepared calls of a network with two threads, and a thread that has no memory yet."""
    predictor = MLP(SIZES, seed=0).freeze()._direct._predictor
    kept = scratch._own.__dict__.pop("block", None)
    yield OwnCalls(predictor, Settings(num_threads=2), frozen=True)
    if kept is not None:
        scratch._own.block = kept


def test_a_call_is_made_once(calls):
    assert calls.find(FEW) is calls.at_once[FEW]
    calls.find(MANY)
    again = calls.find(MANY)
    assert again is calls.find(MANY)
    assert again.shape == (20_000, 10)


def test_only_what_does_not_depend_on_threads_is_found_at_once(calls):
    calls.find(MANY)
    calls.find(FEW)
    assert list(calls.at_once) == [FEW]
    with_two = calls.find(MANY)
    calls._settings.num_threads = 1
    assert calls.find(MANY).participants == 1 < with_two.participants


@pytest.mark.parametrize("shape", [(), (0, 32), (3, 0, 32), (1, 31), (32, 1), (31,)])
def test_there_is_no_call_for_what_needs_more_care(calls, shape):
    assert calls.find(shape) is None
    assert calls.at_once == {}


def test_calls_with_a_smaller_block_of_memory_are_dropped(calls):
    block = weakref.ref(calls.find(FEW)._kept[1])
    larger = calls.find((40, 32))
    gc.collect()
    assert block() is None
    assert calls.find((40, 32)) is larger
    assert calls.find(FEW)._kept[1] is larger._kept[1]


def test_each_thread_has_its_own(calls):
    found = [calls.find(FEW)]
    thread = threading.Thread(target=lambda: found.append(calls.find(FEW)))
    thread.start()
    thread.join()
    assert found[0] is not found[1]
    assert found[0]._kept[1] is not found[1]._kept[1]


def test_frozen_weights_are_packed_before_a_call_is_kept(calls, monkeypatch):
    packing = calls._predictor.table.few
    monkeypatch.setattr(packing, "refresh", lambda: pytest.fail("interrupted"))
    with pytest.raises(pytest.fail.Exception):
        calls.find(FEW)
    assert calls.at_once == {}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_workers_that_a_fork_has_ended_are_hired_again(calls):
    calls.find(MANY)
    if team().workers == 0:
        pytest.skip("no worker threads here")
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    assert team().workers == 0
    calls.find(MANY)
    assert team().workers > 0


def test_a_result_goes_to_no_memory_of_the_input(calls):
    call = calls.find((5, 32))
    dtype = np.dtype(np.float32)
    x, out = np.zeros((5, 32), dtype), np.zeros((5, 10), dtype)

    def fits(out, x=x):
        return takes(out, call, dtype, x, x.flags.num)

    assert fits(out)
    assert fits(np.zeros(60, dtype)[10:].reshape(5, 10))
    assert not fits(x.reshape(-1)[:50].reshape(5, 10))
    memory = np.zeros(300, dtype)
    apart, overlapping = memory[160:210].reshape(5, 10), memory[150:200].reshape(5, 10)
    assert fits(apart, memory[:160].reshape(5, 32))
    assert not fits(overlapping, memory[:160].reshape(5, 32))


def test_an_array_is_not_its_own_result():
    square = MLP([4, 4], seed=0)
    x = np.ones((3, 4), np.float32)
    for predict in (square, square.freeze()):
        with pytest.raises(ValueError, match="out shares memory with x"):
            predict(x, out=x)
    assert (x == 1).all()
