"""Signals that were held back are all delivered, and their handlers are back, whatever happens."""

import os
import signal
import sys

import pytest

from mlpcore.signals import deferred_signals

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@pytest.fixture
def received():
    """The signals that handlers have seen, of which that of SIGUSR1 raises."""
    seen = []

    def handler(number, _):
        seen.append(number)
        if number == signal.SIGUSR1:
            raise ZeroDivisionError

    numbers = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM)
    before = {number: signal.signal(number, handler) for number in numbers}
    yield seen
    for number, own in before.items():
        signal.signal(number, own)


def handlers():
    return [signal.getsignal(n) for n in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM)]


def test_a_handler_that_raises_keeps_no_other_signal_from_being_delivered(received):
    before = handlers()

    def block():
        with deferred_signals():
            for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM):
                os.kill(os.getpid(), number)
            assert received == []

    with pytest.raises(ZeroDivisionError):
        block()
    assert received == [signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM]
    assert handlers() == before


def interrupted_block(reached):
    with deferred_signals():
        os.kill(os.getpid(), signal.SIGUSR1)
        reached.append(True)


def test_an_interrupt_at_any_line_leaves_every_handler_as_it_was(received):
    """Also one that comes while the handlers are given back."""
    before = handlers()

    def block():
        with deferred_signals():
            pass

    for stop in range(1, 300):
        count = [0]

        def trace(frame, event, _, count=count, stop=stop):
            if "signals.py" not in frame.f_code.co_filename:
                return trace
            count[0] += event == "line"
            if count[0] == stop and event == "line":
                os.kill(os.getpid(), signal.SIGUSR1)
            return trace

        old = sys.gettrace()
        sys.settrace(trace)
        try:
            block()
        except ZeroDivisionError:
            pass
        finally:
            sys.settrace(old)
        assert handlers() == before
        if count[0] < stop:
            break
        with pytest.raises(ZeroDivisionError):
            interrupted_block(reached := [])
        assert reached  # signals wait as before
    assert 20 < stop < 299
