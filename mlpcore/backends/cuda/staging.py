"""Rows of host memory sent through a GPU in parts: one comes in and one goes out meanwhile.

CuPy's current stream computes, so that it comes after whatever was asked for before; two more
streams copy, through pinned memory, without which a copy waits for the processor.  What one stream
needs of another it waits for by events, and the host waits for a part only to write it where it
belongs.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

STAGED_BYTES = 1 << 24
"""Bytes of a part: copied in less than a millisecond, and long enough to hide what a copy costs."""

_SLOTS = 2
"""Parts under way: the host fills one while the other is computed and comes back."""

_of_thread = threading.local()


def rows_to_stage(row_bytes: int, most: int) -> int:
    """Return how many rows of so many bytes make a part: at least one, and no more than `most`."""
    return max(1, min(most, STAGED_BYTES // row_bytes))


class Staged:
    """The way of `x` through the device into `y`.

    Parameters
    ----------
    xp : module
        CuPy.
    compute : callable
        Returns a new array of results for an array of rows, on the current stream.
    x : ndarray, shape (rows, features)
        Real numbers of any dtype; they are narrowed on their way.
    y : ndarray, shape (rows, outputs)
        Where results go; its dtype is that in which they are computed.

    Attributes
    ----------
    done : int
        The rows of `y` that are written.
    """

    def __init__(self, xp: Any, compute: Callable[[Any], Any], x: Any, y: Any) -> None:
        self._xp = xp
        self._compute = compute
        self._x, self._y = x, y
        self.done = 0

    def run(self, most: int) -> None:
        """Go on behind the rows that are done, in parts of at most `most` rows."""
        xp, rows = self._xp, len(self._x)
        here = xp.cuda.get_current_stream()
        into, back = _streams(xp)
        slots = [self._slot(most) for _ in range(_SLOTS)]
        # The pool may have given memory that earlier work on the current stream still uses.
        into.wait_event(_mark(xp, here))
        try:
            for number, start in enumerate(range(self.done, rows, most)):
                slot = slots[number % _SLOTS]
                self._store(slot)
                slot.start, slot.stop = start, min(start + most, rows)
                self._send(slot, here, into, back)
            for _ in slots:
                number += 1
                self._store(slots[number % _SLOTS])
        finally:  # also where it failed, before the memory goes to others
            into.synchronize()
            back.synchronize()

    def _slot(self, most: int) -> "_Slot":
        xp, dtype = self._xp, self._y.dtype
        features, outputs = self._x.shape[1], self._y.shape[1]
        return _Slot(
            _pinned(xp, (most, features), dtype),
            xp.empty((most, features), dtype),
            _pinned(xp, (most, outputs), dtype),
        )

    def _send(self, slot: "_Slot", here: Any, into: Any, back: Any) -> None:
        """Ask for all that happens to the rows of a slot."""
        count = slot.stop - slot.start
        host, x, results = slot.host[:count], slot.device[:count], slot.results[:count]
        with np.errstate(all="ignore"):  # narrowing to the model's dtype may overflow
            np.copyto(host, self._x[slot.start : slot.stop], casting="unsafe")
        x.data.copy_from_host_async(host.ctypes.data, host.nbytes, into)
        here.wait_event(_mark(self._xp, into))
        slot.y = y = self._compute(x)
        back.wait_event(_mark(self._xp, here))
        y.data.copy_to_host_async(results.ctypes.data, results.nbytes, back)
        slot.stored = _mark(self._xp, back)

    def _store(self, slot: "_Slot") -> None:
        """Wait for the results of a slot and write them where they belong."""
        if slot.stored is None:
            return
        slot.stored.synchronize()
        slot.stored = slot.y = None
        self._y[slot.start : slot.stop] = slot.results[: slot.stop - slot.start]
        self.done = slot.stop


@dataclass
class _Slot:
    """The memory of one part, and how far it is.

    Attributes
    ----------
    host, device, results : array, shape (most, features) or (most, outputs)
        Rows before and after they have come in, and results that have come back.
    start, stop : int
        Which rows they are.
    y : array or None
        The results on the device, kept until they have come back.
    stored : event or None
        That they have.
    """

    host: Any
    device: Any
    results: Any
    start: int = 0
    stop: int = 0
    y: Any = None
    stored: Any = None


def _mark(xp: Any, stream: Any) -> Any:
    """Return the event that all has happened that the stream was asked for until now."""
    return stream.record(xp.cuda.Event(disable_timing=True))


def _pinned(xp: Any, shape: tuple[int, int], dtype: Any) -> Any:
    """Return an array in pinned memory, of CuPy's pool."""
    count = shape[0] * shape[1]
    memory = xp.cuda.alloc_pinned_memory(max(count, 1) * dtype.itemsize)
    return np.frombuffer(memory, dtype, count).reshape(shape)


def _streams(xp: Any) -> tuple[Any, Any]:
    """Return the streams of this thread that copy in and back, on the current device."""
    known = _of_thread.__dict__.setdefault("streams", {})
    device = xp.cuda.runtime.getDevice()
    if device not in known:
        known[device] = tuple(xp.cuda.Stream(non_blocking=True) for _ in range(2))
    into, back = known[device]
    return into, back
