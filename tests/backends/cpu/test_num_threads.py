"""The model says how many threads, or the context, or else the default."""

import asyncio
import os
import threading

import numpy as np
import pytest

import mlpcore
from mlpcore.backends.cpu import num_threads as module
from mlpcore.backends.cpu.num_threads import check_num_threads, num_threads, threads


@pytest.fixture
def default(monkeypatch):
    """Let the default be 3; gives how often it was asked for."""
    asked = []
    monkeypatch.setattr(module, "default_num_threads", lambda: asked.append(1) or 3)
    monkeypatch.setattr(module._default, "number", None)
    return asked


def test_the_default_holds_where_nobody_says(default):
    assert num_threads() == num_threads(None) == 3


def test_the_context_goes_before_the_default(default):
    with threads(5):
        assert num_threads() == 5
        with mlpcore.threads(2):
            assert num_threads() == 2
        assert num_threads() == 5
    assert num_threads() == 3


def test_the_model_goes_before_the_context(default):
    with threads(5):
        assert num_threads(1) == 1
    assert default == []


def test_the_context_ends_with_an_exception(default):
    with pytest.raises(ZeroDivisionError), threads(5):
        raise ZeroDivisionError
    assert num_threads() == 3


def test_it_can_be_a_decorator(default):
    assert threads(4)(num_threads)() == 4


def test_the_context_holds_for_its_own_thread(default):
    found = []
    with threads(5):
        other = threading.Thread(target=lambda: found.append(num_threads(None)))
        other.start()
        other.join()
    assert found in ([3], [5])  # since 3.14 a thread may begin with a copy of its starter's context


def test_the_context_of_another_thread_does_not_matter(default):
    inside, go_on = threading.Event(), threading.Event()

    def ask():
        with threads(7):
            inside.set()
            go_on.wait(20)

    other = threading.Thread(target=ask)
    other.start()
    inside.wait(20)
    assert num_threads() == 3
    go_on.set()
    other.join()


def test_the_context_holds_for_its_own_task(default):
    async def task(n):
        with threads(n):
            await asyncio.sleep(0)
            return num_threads()

    async def both():
        return await asyncio.gather(task(4), task(6))

    assert asyncio.run(both()) == [4, 6]


def test_the_default_is_found_out_once(default):
    for _ in range(10):
        num_threads()
    assert default == [1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_forked_child_finds_it_out_anew(default):
    num_threads()
    pid = os.fork()
    if pid == 0:
        os._exit(0 if num_threads() == 3 and len(default) == 2 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_default_that_is_an_error_stays_one(default, monkeypatch):
    def wrong():
        raise ValueError("MLPCORE_NUM_THREADS must be")

    monkeypatch.setattr(module, "default_num_threads", wrong)
    for _ in range(2):
        with pytest.raises(ValueError, match="MLPCORE_NUM_THREADS"):
            num_threads()


@pytest.mark.parametrize("value", [1, 8, np.int64(2), 10**6])
def test_any_whole_number_from_one_up_will_do(value):
    assert check_num_threads(value) == value
    assert type(check_num_threads(value)) is int
    with threads(value):
        assert num_threads() == value


def test_a_model_may_leave_it_open():
    assert check_num_threads(None) is None


@pytest.mark.parametrize("value", [0, -1, np.int64(-3)])
def test_less_than_one_is_an_error_before_any_work(value):
    with pytest.raises(ValueError, match="number of threads must be at least 1, got"):
        threads(value)
    with pytest.raises(ValueError, match="num_threads must be at least 1, got"):
        check_num_threads(value)


@pytest.mark.parametrize("value", [1.0, "2", True, [2], np.array([1, 2])])
def test_what_is_no_whole_number_is_an_error_before_any_work(value):
    with pytest.raises(TypeError, match="number of threads must be a whole number, got"):
        threads(value)
    with pytest.raises(TypeError, match="num_threads must be a whole number, got"):
        check_num_threads(value)


def test_a_context_needs_a_number():
    with pytest.raises(TypeError, match="number of threads must be a whole number, got None"):
        threads(None)
