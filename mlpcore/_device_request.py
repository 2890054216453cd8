"""Which device was asked for, and by whom: argument, context, process or environment.

The public home of the names here is `mlpcore.device`. Nothing here looks whether a device exists.
"""

from __future__ import annotations

import contextvars
import os
import re
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, NamedTuple

from mlpcore import _device_errors as problems

__all__ = ["CPU", "FIRST_GPU", "Device", "Request", "request_for", "set_device", "use_device"]

_VARIABLE = "MLPCORE_DEVICE"


@dataclass(frozen=True, slots=True)
class Device:
    """One device.

    Parameters
    ----------
    kind : {"cpu", "cuda"}
        The kind of device.
    index : int, optional
        Which GPU, counted among those that CUDA shows this process; None for the CPU.

    Raises
    ------
    ValueError
        If the kind is neither, a GPU has no index from 0 up, or the CPU has one.
    """

    kind: Literal["cpu", "cuda"]
    index: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in ("cpu", "cuda"):
            raise ValueError(f"kind must be 'cpu' or 'cuda', got {self.kind!r}")
        if self.kind == "cpu" and self.index is not None:
            raise ValueError(f"the CPU has no index, got {self.index!r}")
        if self.kind == "cuda" and (type(self.index) is not int or self.index < 0):
            raise ValueError(f"a CUDA device needs an index from 0 up, got {self.index!r}")

    def __str__(self) -> str:
        return self.kind if self.index is None else f"{self.kind}:{self.index}"

    @classmethod
    def parse(cls, text: str) -> Device:
        """Return the device that ``"cpu"``, ``"cuda"`` or ``"cuda:N"`` names.

        Case and surrounding blanks do not matter; ``"cuda"`` is ``"cuda:0"``. Whether the device
        exists is not asked: that is what `resolve` does.

        Raises
        ------
        DeviceUnavailableError
            With the cause ``UNKNOWN_VALUE``, if ``text`` names no device.
        TypeError
            If ``text`` is no string.
        """
        device = _parsed(text, "Device.parse")
        if device is None:
            raise problems.unknown_value(text, "cpu, cuda and cuda:N").error("Device.parse")
        return device


CPU = Device("cpu")
FIRST_GPU = Device("cuda", 0)


class Request(NamedTuple):
    """What was asked for and by whom.

    Parameters
    ----------
    device : Device or None
        None is ``"auto"``.
    origin : str
        Who asked, in the words that an error begins with, such as ``MLPCORE_DEVICE=cuda``.
    """

    device: Device | None
    origin: str


_process_request: Request | None = None

# The running contexts with their requests, innermost last. The tuple is never changed in place,
# so a task that inherits it has a copy of its own.
_contexts: contextvars.ContextVar[tuple[tuple[use_device, Request], ...]] = contextvars.ContextVar(
    "mlpcore_use_device", default=()
)


class use_device:  # noqa: N801  (used as a function, like contextlib's managers)
    """Context in which models are made on ``device`` unless told otherwise.

    It holds for the thread or asyncio task that entered it and for tasks begun inside. One
    object may be entered again, also while it is entered, and by several threads at once.

    Parameters
    ----------
    device : str or Device
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:N"`` or a `Device`. Whether it exists is asked
        when a model is made.

    Raises
    ------
    DeviceUnavailableError
        With the cause ``UNKNOWN_VALUE``, if ``device`` names no device.

    Examples
    --------
    >>> with use_device("cpu"):
    ...     print(resolve())
    cpu
    """

    def __init__(self, device: str | Device) -> None:
        self._request = _named(device, "use_device({})")

    def __enter__(self) -> None:
        _contexts.set((*_contexts.get(), (self, self._request)))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Generators can leave contexts in another order than they entered them, so it is this
        # object's own innermost entry that goes, not simply the last.
        entries = _contexts.get()
        for position in range(len(entries) - 1, -1, -1):
            if entries[position][0] is self:
                _contexts.set(entries[:position] + entries[position + 1 :])
                return


def set_device(device: str | Device | None) -> None:
    """Set the device for this process, below `use_device` and above ``MLPCORE_DEVICE``.

    Parameters
    ----------
    device : str, Device or None
        As for `use_device`; None takes an earlier choice back.

    Raises
    ------
    DeviceUnavailableError
        With the cause ``UNKNOWN_VALUE``, if ``device`` names no device.
    TypeError
        If ``device`` is of another type.
    """
    global _process_request
    _process_request = None if device is None else _named(device, "set_device({})")


def request_for(device: str | Device | None = None) -> Request:
    """Return the request that holds where ``device`` is the argument; None if there is none.

    Raises
    ------
    DeviceUnavailableError
        With the cause ``UNKNOWN_VALUE``, if the argument or the variable names no device.
    """
    if device is not None:
        return _named(device, "device={}")
    contexts = _contexts.get()
    if contexts:
        return contexts[-1][1]
    if _process_request is not None:
        return _process_request
    value = os.environ.get(_VARIABLE, "")
    if value.strip():
        return _request(value, f"{_VARIABLE}={value if value.isprintable() else repr(value)}")
    return Request(None, "default")


def _named(value: str | Device, template: str) -> Request:
    shown = str(value) if isinstance(value, Device) else value
    return _request(value, template.format(repr(shown)))


def _request(value: str | Device, origin: str) -> Request:
    if isinstance(value, Device):
        return Request(value, origin)
    if isinstance(value, str) and value.strip().lower() == "auto":
        return Request(None, origin)
    device = _parsed(value, origin)
    if device is None:
        raise problems.unknown_value(value, "auto, cpu, cuda and cuda:N").error(origin)
    return Request(device, origin)


def _parsed(text: str, origin: str) -> Device | None:
    if not isinstance(text, str):
        raise TypeError(
            f"{origin}: a device is a str or an mlpcore.device.Device, got {type(text).__name__}"
        )
    match = re.fullmatch(r"cpu|cuda(?::([0-9]{1,9}))?", text.strip().lower())
    if match is None:
        return None
    return CPU if match[0] == "cpu" else Device("cuda", int(match[1] or 0))
