"""Callbacks that see each layer's values in every forward pass."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from mlpcore.backends.base import StageRecord
from mlpcore.backends.bound import BoundProgram
from mlpcore.inspect.layers import layer_name


@dataclass(frozen=True)
class LayerValues:
    """The values of one layer in one forward pass.

    Attributes
    ----------
    index : int
        The number of the layer, counted from 0.
    name : str
        The prefix of its parameters, such as ``"layers.0"``.
    z : array, shape (rows, out)
        The pre-activation, on the model's device.
    a : array, shape (rows, out)
        The activation; for a layer without one it is z.
    """

    index: int
    name: str
    z: Any
    a: Any


class LayerHook:
    """A registered callback; `remove` ends it, and so does leaving it as a context.

    Parameters
    ----------
    bound : BoundProgram
        The program to watch.
    callback : callable
        Called with a `LayerValues` for each layer, in order, after each forward pass and outside
        any lock.  What it raises comes out of the call that ran the pass.

    Raises
    ------
    TypeError
        If `callback` cannot be called.
    """

    def __init__(self, bound: BoundProgram, callback: Callable[[LayerValues], None]) -> None:
        if not callable(callback):
            raise TypeError(f"on_layer needs a function of one argument, got {callback!r}")
        self._bound = bound
        self._callback = callback
        bound.watchers.append(self._watch)

    def _watch(self, records: list[StageRecord]) -> None:
        for index, record in enumerate(records):
            self._callback(LayerValues(index, layer_name(index), record.z, record.a))

    def remove(self) -> None:
        """Call the callback no more; a second call does nothing."""
        with suppress(ValueError):  # asking first would race with another thread
            self._bound.watchers.remove(self._watch)

    def __enter__(self) -> "LayerHook":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()
