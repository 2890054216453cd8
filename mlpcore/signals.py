"""Signals wait until a write is whole."""

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
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


class deferred_signals:  # noqa: N801 - it is called like a function, and stands in `with`
    """Hold back signals with handlers in Python while the block runs, then deliver them.

    A handler may raise, as that of Ctrl-C does, or save the model, as that of a scheduler's SIGTERM
    may.  Either in the middle of a write would end with half of it.  Python runs handlers in the
    main thread only, so in any other thread there is nothing to hold back.

    A class with two methods, since every training step enters and leaves it: a generator under
    ``contextmanager`` takes nearly twice as long.
    """

    __slots__ = ("_caught", "_handlers")

    def __enter__(self) -> None:
        self._handlers: dict[int, _Handler] | None = None
        if _Deferring.now or threading.current_thread() is not threading.main_thread():
            return
        self._caught: list[tuple[int, FrameType | None]] = []
        self._handlers = handlers = {}
        catch = self._catch
        try:
            _Deferring.now = True
            for number in _SIGNALS:
                handler = _getsignal(number)
                if callable(handler):
                    handlers[number] = handler
                    _signal(number, catch)
        except BaseException:  # of a handler that still stood: the block will not run
            self._deliver_all(handlers)
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Up to here nothing but `_catch` can have been called for a signal that is held back.
        handlers = self._handlers
        if handlers is not None:
            self._deliver_all(handlers)

    def _catch(self, number: int, frame: FrameType | None) -> None:
        self._caught.append((number, frame))

    def _deliver_all(self, handlers: dict[int, _Handler]) -> None:
        """Give the handlers back, and call those whose signals came."""
        interruption: BaseException | None = None
        try:
            _Deferring.now = False
            back = False
            while not back:
                try:
                    for number, handler in handlers.items():
                        _signal(number, handler)
                    back = True
                except BaseException as error:  # of a handler that is back: so must the others be
                    interruption = error
        finally:
            if self._caught:
                _deliver([(handlers[number], number, frame) for number, frame in self._caught])
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
