"""Arrays in memory, divided into minibatches."""

from collections.abc import Iterator
from typing import Any

from mlpcore.training.data import Data
from mlpcore.training.sources.order import Order, Part
from mlpcore.training.sources.source import Minibatch, Source


class ArraySource(Source):
    """Minibatches of arrays that lie on the model's device as a whole.

    Parameters
    ----------
    data : Data
        The rows, checked.
    order : Order
        Which of them come when.
    """

    def __init__(self, data: Data, order: Order) -> None:
        self._data, self._order = data, order
        self._sample: Part = slice(0)

    @property
    def steps(self) -> int:
        """How many minibatches an epoch has."""
        return self._order.steps

    def epoch(self, number: int, start: int = 0) -> Iterator[Minibatch]:
        """Yield the minibatches of epoch `number` from its step `start` on."""
        x, t, weights = self._data.x, self._data.t, self._data.sample_weight
        parts = self._order.epoch(number, start)
        if weights is None:
            yield from ((rows(x, part), rows(t, part), None) for part in parts)
        else:
            yield from ((rows(x, part), rows(t, part), rows(weights, part)) for part in parts)

    def keep_sample(self, most: int, seed: int) -> None:
        """Draw the rows of `sample`."""
        self._sample = self._order.sample(most, seed)

    def sample(self, epoch: int, steps: int | None) -> Any:  # noqa: ARG002
        """Return those rows, whatever the epoch."""
        return rows(self._data.x, self._sample)

    def settings(self) -> dict[str, Any]:
        """Return what fixes the minibatches of every epoch."""
        return self._order.settings()


def rows(array: Any, part: Any) -> Any:
    """Return ``array[part]``; rows picked by their numbers are taken in half the time."""
    return array[part] if isinstance(part, slice) else array.take(part, 0)
