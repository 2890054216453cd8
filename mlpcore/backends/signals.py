"""Signals wait until a write is whole."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeAlias

_Handler: TypeAlias = Callable[[int, FrameType | None], Any]

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGBREAK")
_SIGNALS = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))
"""Those that programs handle in Python: Ctrl-C, a scheduler's warning, timers."""


# CPython's module below `signal`, without the enumerations around its results, which take ten times
# as long as the calls.
_plain: Any = sys.modules.get("_signal", signal)
_getsignal: Callable[[int], Any] = _plain.getsignal
_signal: Callable[[int, Any], Any] = _plain.signal


class _Deferring:
    """Whether the main thread holds signals back already."""

    now = False


@contextmanager
def deferred_signals() -> Iterator[None]:
    """Hold back signals with handlers in Python while the block runs, then deliver them.

    A handler may raise, as that of Ctrl-C does, or save the model, as that of a scheduler's SIGTERM
    may.  Either in the middle of a write would end with half of it.  Python runs handlers in the
    main thread only, so in any other thread there is nothing to hold back.
    """
    if _Deferring.now or threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[tuple[int, FrameType | None]] = []

    def catch(number: int, frame: FrameType | None) -> None:
        caught.append((number, frame))

    handlers: dict[int, _Handler] = {}
    try:
        _Deferring.now = True
        for number in _SIGNALS:
            handler = _getsignal(number)
            if callable(handler):
                handlers[number] = handler
                _signal(number, catch)
        yield
    finally:
        _Deferring.now = False
        interruption: BaseException | None = None
        try:
            back = False
            while not back:
                try:
                    for number, handler in handlers.items():
                        _signal(number, handler)
                    back = True
                except BaseException as error:  # of a handler that is back: so must the others be
                    interruption = error
        finally:
            _deliver([(handlers[number], number, frame) for number, frame in caught])
        if interruption is not None:
            raise interruption


def _deliver(caught: list[tuple[_Handler, int, FrameType | None]]) -> None:
    """Call each handler, also where one before it raises."""
    if caught:
        (handler, number, frame), *others = caught
        try:
            handler(number, frame)
        finally:
            _deliver(others)
