"""Sequences of batches, with a length and items by number, as `keras.utils.Sequence` has them."""

from collections.abc import Iterable, Iterator
from typing import Any


def is_sequence(given: Any) -> bool:
    """Return whether `given` is gone through by its items rather than as an iterable.

    What has ``on_epoch_end`` is, even if it can be iterated, so that this is called.
    """
    numbered = hasattr(type(given), "__getitem__") and hasattr(type(given), "__len__")
    return numbered and (not isinstance(given, Iterable) or hasattr(given, "on_epoch_end"))


class Passes:
    """Passes over a sequence of batches, as a function of the number of the pass.

    ``on_epoch_end()`` of the sequence, where it has that, is called before each pass but the first,
    and for passes that a resumed fit leaves out: so it draws what it would have drawn.

    Parameters
    ----------
    sequence : object
        With ``sequence[i]`` and ``len(sequence)``.
    """

    def __init__(self, sequence: Any) -> None:
        self._sequence = sequence
        self._ended = 0  # how often it was told of the end of an epoch

    def __call__(self, number: int) -> Iterator[Any]:
        """Yield the batches of pass `number`, counted from 0.

        Raises
        ------
        TypeError
            If an item is a single sample.
        """
        told = getattr(self._sequence, "on_epoch_end", None)
        while self._ended < number:
            self._ended += 1
            if told is not None:
                told()
        for i in range(len(self._sequence)):
            batch = self._sequence[i]
            self._refuse_sample(batch, i)
            yield batch

    def _refuse_sample(self, batch: Any, i: int) -> None:
        x, t, *_ = (*batch, None, None) if isinstance(batch, tuple | list) else (None, None)
        number = isinstance(t, int | float) or getattr(t, "ndim", None) == 0
        if number or getattr(x, "ndim", None) in (0, 1):
            raise TypeError(
                f"item {i} of the {type(self._sequence).__name__} is a single sample, but items "
                "must be batches; a dataset of PyTorch's goes into a DataLoader(dataset, "
                "batch_size=...), others into arrays"
            )
