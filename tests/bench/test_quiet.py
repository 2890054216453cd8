"""Nobody is measured while somebody else's threads still spin."""

import hashlib
import sys
import threading
import time

import pytest

from mlpcore.bench import quiet


def test_a_process_at_rest_is_quiet_at_once():
    start = time.perf_counter()
    assert quiet.wait_until_quiet()
    assert time.perf_counter() - start < quiet._LONGEST_S


class Clock:
    """A process with workers that spin until a stated time, as its own thread does all the time."""

    def __init__(self, spinning_s):
        self.now, self.spinning_s = 0.0, spinning_s

    def sleep(self, seconds):
        assert seconds == 0, "who sleeps loses a virtual processor"

    def perf_counter(self):
        self.now += 1e-5
        return self.now

    def thread_time(self):
        return self.now

    def process_time(self):
        return self.now + min(self.now, self.spinning_s)


def test_it_waits_as_long_as_workers_spin(monkeypatch):
    clock = Clock(spinning_s=0.02)
    monkeypatch.setattr(quiet, "time", clock)
    monkeypatch.setattr(quiet, "_others_run", lambda: False)
    assert quiet.wait_until_quiet()
    assert 0.02 <= clock.now < 0.022


def test_a_worker_that_never_rests_is_not_waited_for(monkeypatch):
    clock = Clock(spinning_s=float("inf"))
    monkeypatch.setattr(quiet, "time", clock)
    monkeypatch.setattr(quiet, "_others_run", lambda: False)
    assert not quiet.wait_until_quiet()
    assert quiet._LONGEST_S < clock.now < 1.1 * quiet._LONGEST_S


def test_a_real_worker_is_seen():
    done = threading.Event()

    def work():
        while not done.is_set():
            sum(range(1000))

    worker = threading.Thread(target=work)
    worker.start()
    try:
        assert not quiet.wait_until_quiet()
    finally:
        done.set()
        worker.join()
    assert quiet.wait_until_quiet()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the states of threads are not known")
def test_a_worker_is_seen_before_its_processor_time_is_counted():
    rounds = 2_000_000  # a second or so, without the interpreter's lock
    work = threading.Thread(target=hashlib.pbkdf2_hmac, args=("sha256", b"", b"", rounds))
    work.start()
    try:
        assert not quiet.wait_until_quiet()
    finally:
        work.join()
    assert quiet.wait_until_quiet()
