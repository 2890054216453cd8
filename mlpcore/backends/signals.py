"""Signals wait until a write is whole."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGBREAK")
_SIGNALS = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))
"""Those that programs handle in Python: Ctrl-C, a scheduler's warning, timers."""


@contextmanager
def deferred_signals() -> Iterator[None]:
    """Hold back signals with handlers in Python while the block runs, then deliver them.

    A handler may raise, as that of Ctrl-C does, or save the model, as that of a scheduler's SIGTERM
    may.  Either in the middle of a write would end with half of it.  Python runs handlers in the
    main thread only, so in any other thread there is nothing to hold back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[tuple[int, FrameType | None]] = []

    def catch(number: int, frame: FrameType | None) -> None:
        caught.append((number, frame))

    handlers: dict[int, Callable[[int, FrameType | None], Any]] = {}
    try:
        for number in _SIGNALS:
            handler = signal.getsignal(number)
            if callable(handler):
                handlers[number] = handler
                signal.signal(number, catch)
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number, frame in caught:
            handlers[number](number, frame)
