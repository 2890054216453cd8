"""Callbacks that see each layer's values in every forward pass."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np

from mlpcore.backends.base import StageRecord
from mlpcore.backends.bound import BoundProgram
from mlpcore.inspect.layers import layer_name


@dataclass(frozen=True)
class LayerValues:
    """The values of one layer in one forward pass.

    NumPy arrays are views that cannot be written, of the very arrays that the prediction and the
    backward pass go on with; CuPy has no such views, so leave those as they are.  Copy what shall
    be kept without keeping the whole pass in memory.

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

    While there is one, a prediction records every layer for the whole batch, as a training step
    does, rather than going through a long batch in parts: its memory grows with the number of rows.
    Predict in parts, by ``predict(x, batch_size=...)``, where that is too much.

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
            z, a = _read_only(record.z), _read_only(record.a)
            self._callback(LayerValues(index, layer_name(index), z, a))

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


def _read_only(array: Any) -> Any:
    """Return a view that cannot be written where there is such a thing: in NumPy."""
    if not isinstance(array, np.ndarray):
        return array
    view = array.view()
    view.flags.writeable = False
    return view
