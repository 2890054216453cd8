"""Readers never see half of a write, and leave nothing behind however they end."""

import os
import signal
import threading
import time

import pytest

from mlpcore.backends.seqlock import SequenceLock
from mlpcore.signals import deferred_signals


def test_a_read_is_what_its_work_returns():
    lock = SequenceLock()
    assert lock.read(lambda: 7) == 7
    assert lock.sequence == 0
    with lock.write():
        assert lock.sequence == 1
    assert lock.sequence == 2


def test_a_read_that_met_a_write_is_done_again():
    lock, calls = SequenceLock(), []

    def work():
        calls.append(len(calls))
        if len(calls) == 1:
            thread = threading.Thread(target=write)
            thread.start()
            thread.join()
        return calls[-1]

    def write():
        with lock.write():
            pass

    assert lock.read(work) == 1


def test_a_reader_that_always_meets_a_write_makes_the_writers_wait():
    lock, state = SequenceLock(), {"a": 0, "b": 0}
    done = threading.Event()

    def write():
        while not done.is_set():
            with lock.write():
                state["a"] += 1
                state["b"] += 1

    def work():
        a = state["a"]
        time.sleep(0.002)  # longer than many writes
        return a, state["b"]

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    found = [lock.read(work) for _ in range(20)]
    done.set()
    for thread in threads:
        thread.join(30)
    assert all(a == b for a, b in found)


def test_writers_take_turns():
    lock, count = SequenceLock(), [0]

    def write():
        for _ in range(200):
            with lock.write():
                seen = count[0]
                time.sleep(0)
                count[0] = seen + 1

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert count == [800]
    assert lock.sequence == 1600


def test_an_error_in_a_write_lets_the_lock_go():
    lock = SequenceLock()
    with pytest.raises(ZeroDivisionError), lock.write():
        raise ZeroDivisionError
    assert lock.sequence == 2
    assert lock.read(lambda: 1) == 1


def test_a_thread_in_the_middle_of_its_own_write_is_told_so():
    lock = SequenceLock()
    with lock.write():
        with pytest.raises(RuntimeError, match="written by this very thread"):
            lock.read(lambda: 1)
        with pytest.raises(RuntimeError, match="written by this very thread"), lock.write():
            pass
    assert lock.read(lambda: 1) == 1


def test_a_reader_may_read_within_a_read():
    lock = SequenceLock()
    assert lock.read(lambda: lock.read(lambda: 1) + 1) == 2


def child(work):
    """Fork, run `work` in the child, and return its exit code, or None if it hangs."""
    number = os.fork()
    if number == 0:  # pragma: no cover - another process
        try:
            os._exit(work())
        finally:
            os._exit(99)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found, status = os.waitpid(number, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(number, signal.SIGKILL)
    os.waitpid(number, 0)
    return None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
def test_a_child_forked_in_the_middle_of_a_write_knows_it_and_can_begin_anew():
    lock = SequenceLock()
    entered, leave = threading.Event(), threading.Event()

    def hold():
        with lock.write():
            entered.set()
            leave.wait(30)

    def in_child():
        try:
            lock.read(lambda: 1)
        except RuntimeError as error:
            if "forked while another thread wrote" not in str(error):
                return 1
        else:
            return 2
        with lock.write():
            pass
        return lock.read(lambda: 7)

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait(30)
    code = child(in_child)
    leave.set()
    thread.join(30)
    assert code == 7
    assert lock.read(lambda: 7) == 7  # the parent has lost nothing


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGUSR1", "SIGALRM"])
def test_signals_wait_for_the_end_of_the_block(name):
    number = getattr(signal, name, None)
    if number is None:
        pytest.skip(f"this system has no {name}")
    order = []
    before = signal.signal(number, lambda *_: order.append("handler"))
    try:
        with deferred_signals():
            os.kill(os.getpid(), number)
            order.append("block")
        assert order == ["block", "handler"]
    finally:
        signal.signal(number, before)


def test_an_interrupt_waits_too_and_its_handler_is_back_afterwards():
    reached = []

    def block():
        with deferred_signals(), deferred_signals():
            os.kill(os.getpid(), signal.SIGINT)
            reached.append(True)

    with pytest.raises(KeyboardInterrupt):
        block()
    assert reached
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_threads_have_nothing_to_defer():
    ran = []

    def work():
        with deferred_signals():
            ran.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert ran == [signal.default_int_handler]


def test_what_follows_a_write_is_done_before_anybody_reads_also_after_an_error():
    states = []
    lock = SequenceLock(lambda: states.append(lock.sequence), lambda: states.append("second"))
    with lock.write():
        assert states == []
    assert states == [1, "second"]
    with pytest.raises(ZeroDivisionError), lock.write():
        raise ZeroDivisionError
    assert states == [1, "second", 3, "second"]
    assert lock.sequence == 4


def test_a_write_is_done_also_where_what_follows_it_fails():
    lock = SequenceLock(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError), lock.write():
        pass
    assert lock.sequence == 2
    assert lock.read(lambda: 7) == 7
