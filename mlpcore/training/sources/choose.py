"""Which source what the user gave becomes, and what of it is held out."""

from typing import Any

import numpy as np

from mlpcore.checks import whole_number
from mlpcore.training.data import Data
from mlpcore.training.one_class import warn_if_one_class
from mlpcore.training.sources.arrays import ArraySource
from mlpcore.training.sources.batches import BatchSource
from mlpcore.training.sources.check import CheckBatch, named_errors
from mlpcore.training.sources.memory_map import MappedRows, MappedSource, is_mapped
from mlpcore.training.sources.order import Order
from mlpcore.training.sources.source import Source
from mlpcore.training.validation import HeldOut, held_out, mapped, named, part_of, split


class Choice:
    """What a fit trains on and what it evaluates.

    Parameters
    ----------
    check : CheckBatch
        Checks arrays and batches; its backend must be active.
    batch_size, seed, shuffle, steps
        As for `Order`.
    validation_split : float
        The part of arrays to hold out; 0 for none.
    validation_data : object or None
        What to evaluate instead.
    epochs : int
        How often.
    """

    def __init__(
        self,
        check: CheckBatch,
        *,
        batch_size: int,
        seed: int,
        shuffle: bool,
        steps: int | None,
        validation_split: float,
        validation_data: Any,
        epochs: int,
    ) -> None:
        if validation_split and validation_data is not None:
            raise ValueError("give validation_split or validation_data, not both")
        self._check = check
        self._batch_size = whole_number(batch_size, "batch_size", 1)
        self._steps = None if steps is None else whole_number(steps, "steps_per_epoch", 1)
        self._seed, self._shuffle = seed, shuffle
        self._split, self._given, self._epochs = validation_split, validation_data, epochs

    def sources(self, x: Any, t: Any, sample_weight: Any) -> tuple[Source, HeldOut | None]:
        """Return where minibatches come from, and the data to evaluate, if there are any.

        Raises
        ------
        TypeError, ValueError
            If something does not fit.
        """
        if t is None and _are_batches(x):
            return self._batches(x, sample_weight), self._validation()
        if is_mapped(x) or is_mapped(t):
            return self._mapped(MappedRows(self._check, x, t, sample_weight))
        return self._arrays(self._check.data(x, t, sample_weight))

    def _batches(self, x: Any, sample_weight: Any) -> Source:
        if sample_weight is not None:
            raise ValueError("sample_weight goes with arrays; batches are (x, t, sample_weight)")
        if self._split:
            raise ValueError("validation_split divides arrays; with batches give validation_data")
        return BatchSource(x, self._check, steps=self._steps, epochs=self._epochs)

    def _mapped(self, found: MappedRows) -> tuple[Source, HeldOut | None]:
        if is_mapped(found.t) and self._split:
            # Targets of several numbers a row are not read to find classes in them.
            t: Any = np.zeros((len(found), 2), np.int8)
        else:
            t = found.t
            self._warn_if_one_class(t)
        kept, out = self._divided(len(found), t)
        source = MappedSource(found, self._order(len(found), kept, np), self._check)
        if out is None:
            return source, self._validation()
        return source, mapped(found, out, self._check)

    def _arrays(self, data: Data) -> tuple[Source, HeldOut | None]:
        backend = self._check.bound.backend
        self._warn_if_one_class(data.t)
        kept, out = self._divided(data.rows, data.t)
        source = ArraySource(data, self._order(data.rows, kept, backend.xp))
        if out is None:
            return source, self._validation()
        return source, part_of(data, out, backend.xp)

    def _warn_if_one_class(self, t: Any) -> None:
        warn_if_one_class(t, self._check.loss, self._check.bound.program.out_features)

    def _divided(self, count: int, t: Any) -> tuple[Any, Any]:
        """Return the numbers of the rows to train on and to hold out, None and None for all."""
        if not self._split:
            return None, None
        host = self._check.bound.backend.to_host(t) if not isinstance(t, np.ndarray) else t
        return split(count, host, self._check.loss, self._split, self._seed)

    def _order(self, count: int, numbers: Any, xp: Any) -> Order:
        rows = count if numbers is None else len(numbers)
        self._check_smallest_batch(rows)
        return Order(
            rows,
            self._batch_size,
            self._seed,
            shuffle=self._shuffle,
            steps=self._steps,
            numbers=numbers,
            xp=xp,
        )

    def _check_smallest_batch(self, rows: int) -> None:
        """Raise ValueError if the last batch of an epoch would be too small for some layer."""
        least = self._check.bound.program.least_rows(training=True)
        smallest = rows % self._batch_size or min(rows, self._batch_size)
        if 0 < smallest < least:
            raise ValueError(
                f"a training step of this network needs at least {least} rows, for the variance "
                f"of a batch, but batch_size={self._batch_size} divides {rows} rows so that one "
                f"batch has {smallest}; choose another batch_size"
            )

    def _validation(self) -> HeldOut | None:
        if self._given is None:
            return None
        with named_errors("validation_data"):
            return named(held_out(self._given, self._check, self._epochs), "validation_data")


def _are_batches(x: Any) -> bool:
    """Return whether `x`, without targets, is anything else than an array."""
    return not (hasattr(x, "shape") or hasattr(x, "__array__") or hasattr(x, "__dlpack__"))
