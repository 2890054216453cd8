"""Streams and events: everything is finished by the time a call returns."""

from __future__ import annotations

import itertools
import time

from ..errors import GpuOnCpuError
from .counters import Counters
from .emulates import emulates

#: The legacy default stream, and the two handles with which CUDA names default streams.
_DEFAULT_STREAMS = frozenset({0, 1, 2})


class Streams:
    """Hands out handles, and notices the use of one that was destroyed.

    The order of work in different streams is that of the calls, so a missing wait between streams
    is not found.
    """

    def __init__(self, counters: Counters) -> None:
        self.counters = counters
        self._handles = itertools.count(4096, 8)
        self._streams: dict[int, tuple[int, int]] = {}
        self._events: dict[int, float | None] = {}
        self.capturing = False
        """What `is_capturing` answers."""

    def require(self, stream: int) -> None:
        """Raise if `stream` is not one that exists."""
        if stream not in self._streams and stream not in _DEFAULT_STREAMS:
            raise GpuOnCpuError(f"stream {stream} does not exist")

    def _require_event(self, event: int) -> None:
        if event not in self._events:
            raise GpuOnCpuError(f"event {event} does not exist")

    @emulates(
        "runtime.streamCreate", "runtime.streamCreateWithFlags", "runtime.streamCreateWithPriority"
    )
    def create(self, flags: int = 0, priority: int = 0) -> int:
        """Create a stream."""
        handle = next(self._handles)
        self._streams[handle] = (flags, priority)
        return handle

    @emulates("runtime.streamDestroy")
    def destroy(self, stream: int) -> None:
        """Destroy a stream."""
        self.require(stream)
        del self._streams[stream]

    @emulates("runtime.streamGetFlags")
    def flags(self, stream: int) -> int:
        """Return the flags that a stream was created with."""
        return self._streams.get(stream, (0, 0))[0]

    @emulates("runtime.streamGetPriority")
    def priority(self, stream: int) -> int:
        """Return the priority that a stream was created with."""
        return self._streams.get(stream, (0, 0))[1]

    @emulates("runtime.streamSynchronize")
    def synchronise(self, stream: int) -> None:
        """Wait for a stream."""
        self.require(stream)
        self.counters.synchronisations += 1

    @emulates("runtime.deviceSynchronize")
    def synchronise_device(self) -> None:
        """Wait for the device."""
        self.counters.synchronisations += 1

    @emulates("runtime.streamQuery")
    def query(self, stream: int) -> int:
        """Ask whether a stream is idle; it always is."""
        self.require(stream)
        return 0

    @emulates("runtime.streamIsCapturing")
    def is_capturing(self, stream: int) -> int:
        """Ask whether a stream records a graph, as none does outside `Device.capturing`."""
        self.require(stream)
        return int(self.capturing)

    @emulates("runtime.streamWaitEvent")
    def wait_event(self, stream: int, event: int, flags: int = 0) -> None:  # noqa: ARG002
        """Make a stream wait for an event, which has happened already."""
        self.require(stream)
        self._require_event(event)

    @emulates("runtime.eventCreate", "runtime.eventCreateWithFlags")
    def create_event(self, flags: int = 0) -> int:  # noqa: ARG002
        """Create an event."""
        handle = next(self._handles)
        self._events[handle] = None
        return handle

    @emulates("runtime.eventDestroy")
    def destroy_event(self, event: int) -> None:
        """Destroy an event."""
        self._require_event(event)
        del self._events[event]

    @emulates("runtime.eventRecord")
    def record(self, event: int, stream: int) -> None:
        """Record an event."""
        self.require(stream)
        self._require_event(event)
        self._events[event] = time.perf_counter()

    @emulates("runtime.eventSynchronize")
    def synchronise_event(self, event: int) -> None:
        """Wait for an event."""
        self._require_event(event)
        self.counters.synchronisations += 1

    @emulates("runtime.eventQuery")
    def query_event(self, event: int) -> int:
        """Ask whether an event has happened."""
        self._require_event(event)
        return 0

    @emulates("runtime.eventElapsedTime")
    def elapsed(self, start: int, end: int) -> float:
        """Return the milliseconds that the CPU took between two events."""
        times = self._events[start], self._events[end]
        if times[0] is None or times[1] is None:
            raise GpuOnCpuError("elapsed time between events of which one was never recorded")
        return (times[1] - times[0]) * 1e3
