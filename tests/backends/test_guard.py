"""Readers share, a writer is alone, and a forked child is free."""

import os
import threading
import time

import pytest

from mlpcore.backends.guard import Guard


def test_readers_share():
    guard = Guard()
    inside = threading.Barrier(3, timeout=10)

    def read():
        with guard.reading():
            inside.wait()

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert not inside.broken


def test_a_writer_is_alone():
    guard = Guard()
    state = {"readers": 0, "writers": 0}
    lock = threading.Lock()
    wrong = []

    def work(kind, context):
        for _ in range(100):
            with context():
                with lock:
                    state[kind] += 1
                    if state["writers"] > 1 or (state["writers"] and state["readers"]):
                        wrong.append(dict(state))
                time.sleep(0)
                with lock:
                    state[kind] -= 1

    threads = [threading.Thread(target=work, args=("readers", guard.reading)) for _ in range(3)]
    threads += [threading.Thread(target=work, args=("writers", guard.writing)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong
    assert not any(thread.is_alive() for thread in threads)


def test_an_error_inside_lets_the_guard_go():
    guard = Guard()
    with pytest.raises(KeyError), guard.writing():
        raise KeyError
    with pytest.raises(KeyError), guard.reading():
        raise KeyError
    with guard.writing(), pytest.raises(ZeroDivisionError):
        raise ZeroDivisionError


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
def test_a_child_forked_while_another_thread_writes_can_write():
    guard = Guard()
    entered, leave = threading.Event(), threading.Event()

    def hold():
        with guard.writing():
            entered.set()
            leave.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait(30)
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        with guard.writing():
            os._exit(7)
    deadline = time.monotonic() + 20
    found, status = 0, 0
    while not found and time.monotonic() < deadline:
        found, status = os.waitpid(child, os.WNOHANG)
        time.sleep(0.01)
    leave.set()
    thread.join(30)
    if not found:
        os.kill(child, 9)
        os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7
