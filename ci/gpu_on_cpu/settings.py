"""What a launch checks, and in which order it runs the threads."""

from __future__ import annotations

from enum import IntEnum, IntFlag


class Check(IntFlag):
    """The checks made while a kernel runs; ``Check.ALL`` is 15."""

    BOUNDS = 1
    """Every access lies inside one allocation and does not write read-only memory."""
    RACES = 2
    """Accesses to shared memory by different threads are ordered by a barrier."""
    UNINITIALISED = 4
    """Shared memory is written before it is read."""
    SYNCHRONISATION = 8
    """Barriers and warp operations are met by the threads they name."""
    ALL = 15


class Order(IntEnum):
    """The order in which blocks, and the threads of a block, take their turns."""

    FORWARD = 0
    REVERSE = 1
    RANDOM = 2

    @classmethod
    def of(cls, order: str | Order) -> Order:
        """Return the member named by ``"forward"``, ``"reverse"`` or ``"random"``."""
        if isinstance(order, Order):
            return order
        try:
            return cls[order.upper()]
        except (KeyError, AttributeError):
            names = ", ".join(repr(member.name.lower()) for member in cls)
            raise ValueError(f"order must be one of {names}, got {order!r}") from None
