"""Items made by a thread while those before them are used."""

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

_POLL_S = 0.05
"""How often a thread that waits for room looks whether anybody still wants its items."""


class Prefetch(Generic[T]):
    """Runs an iterator in a thread, a few items ahead.

    An error of the iterator comes out of `__next__` in its place, after the items before it.

    Parameters
    ----------
    make : callable
        Returns the iterator; called in the thread.
    ahead : int, default 2
        How many items may wait.
    """

    def __init__(self, make: Callable[[], Iterator[T]], ahead: int = 2) -> None:
        self._items: queue.Queue[tuple[str, T | BaseException | None]] = queue.Queue(ahead)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(make,), daemon=True)
        self._thread.start()

    def _run(self, make: Callable[[], Iterator[T]]) -> None:
        last: tuple[str, BaseException | None] = ("end", None)
        try:
            for item in make():
                if not self._put(("item", item)):
                    return
        except BaseException as error:
            last = ("error", error)
        self._put(last)

    def _put(self, entry: tuple[str, T | BaseException | None]) -> bool:
        """Leave `entry` to be fetched; return False if nobody will."""
        while not self._stop.is_set():
            try:
                self._items.put(entry, timeout=_POLL_S)
            except queue.Full:
                continue
            return True
        return False

    def __iter__(self) -> "Prefetch[T]":
        return self

    def __next__(self) -> T:
        if self._stop.is_set():
            raise StopIteration
        kind, value = self._items.get()
        if kind == "item":
            return value  # type: ignore[return-value]
        self.close()
        if isinstance(value, BaseException):
            raise value
        raise StopIteration

    def close(self) -> None:
        """End the thread and wait for it; what it has made is dropped."""
        self._stop.set()
        self._thread.join()
