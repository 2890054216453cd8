"""A table of what computes which layer on one device: measured entries, and the default rule."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from mlpcore.backends.cuda.choices import Choice, Choices, default_choices
from mlpcore.kernels.cuda.narrow import WIDEST

REACH = 2
"""By what factor the inputs and outputs of a layer may differ from those of its entry."""


@dataclass(frozen=True)
class Entry:
    """What computes layers of about this shape.

    Attributes
    ----------
    dtype : str
        ``"float32"`` or ``"float64"``.
    inputs, outputs : int
        The shape of W is (outputs, inputs).
    choices : Choices
        What computes them.
    """

    dtype: str
    inputs: int
    outputs: int
    choices: Choices


class Table:
    """What computes the products of a layer, by its dtype and its shape alone.

    Parameters
    ----------
    entries : iterable of Entry
        What was measured on this device.
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries = tuple(entries)
        self._known: dict[tuple[Any, int, int], Choices] = {}

    def choices(self, dtype: Any, inputs: int, outputs: int) -> Choices:
        """Return what computes a layer.

        It is what the nearest entry says, if that is within a factor of `REACH` both in inputs and
        in outputs, and else the default.  Entries are near by the product of both factors; of two
        that are equally near, the one with fewer inputs counts, then the one with fewer outputs.

        Parameters
        ----------
        dtype : dtype
            float32 or float64.
        inputs, outputs : int
            The shape of W is (outputs, inputs).
        """
        key = dtype, inputs, outputs
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._look_up(np.dtype(dtype).name, inputs, outputs)
        return found

    def _look_up(self, dtype: str, inputs: int, outputs: int) -> Choices:
        near = [
            (_factor(entry.inputs, inputs) * _factor(entry.outputs, outputs), entry)
            for entry in self.entries
            if entry.dtype == dtype
            and _factor(entry.inputs, inputs) <= REACH
            and _factor(entry.outputs, outputs) <= REACH
        ]
        if not near:
            return default_choices(inputs, outputs)
        _, entry = min(near, key=lambda pair: (pair[0], pair[1].inputs, pair[1].outputs))
        if entry.choices.forward is Choice.NARROW and max(inputs, outputs) > WIDEST:
            return replace(entry.choices, forward=Choice.TILED)
        return entry.choices


def _factor(m: int, n: int) -> Fraction:
    """Return how many times the larger number is the smaller, exactly: ties are ties."""
    return Fraction(max(m, n), min(m, n)) if min(m, n) > 0 else Fraction(REACH + 1)


DEFAULT = Table()
"""The table of a device that nobody has measured."""
