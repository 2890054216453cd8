"""Epochs of shuffled minibatches."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeAlias

import numpy as np

from mlpcore.checks import whole_number
from mlpcore.randomness import Stream, generator
from mlpcore.training.data import Data
from mlpcore.training.evaluate import evaluate_data, take_measured
from mlpcore.training.history import History
from mlpcore.training.metrics import counted_rows, measure
from mlpcore.training.numbers_of import numbers_of
from mlpcore.training.trainer import Trainer

Part: TypeAlias = slice | Any
"""The rows of one minibatch: where they lie, or an array of their numbers."""


def fit(
    trainer: Trainer,
    x: Any,
    t: Any,
    *,
    epochs: int,
    batch_size: int,
    seed: int,
    shuffle: bool = True,
    sample_weight: Any = None,
    validation_data: tuple[Any, Any] | None = None,
    metrics: Sequence[str] = (),
    progress: bool | None = None,
) -> History:
    """Let `trainer` step through the data; see `MLP.fit`, which says what each argument means.

    Everything is checked before the first step.
    """
    epochs = whole_number(epochs, "epochs", 0)
    batch_size = whole_number(batch_size, "batch_size", 1)
    bound, loss = trainer.bound, trainer.loss
    history = History()
    with bound.backend.active():
        data = take_measured(bound, x, t, sample_weight, loss=loss, metrics=metrics)
        held_out = None
        if validation_data is not None:
            held_out = _take_validation(trainer, validation_data, metrics)
        steps = -(-data.rows // batch_size)
        with _bar(epochs * steps, progress) as bar:
            for epoch in range(epochs):
                started = time.perf_counter()
                order = minibatches(
                    data.rows, batch_size, seed, epoch, shuffle=shuffle, xp=bound.backend.xp
                )
                values = _train(trainer, data, order, metrics, bar)
                if held_out is not None:
                    found = evaluate_data(bound, held_out, loss=loss, metrics=metrics)
                    values |= {f"val_{name}": value for name, value in found.items()}
                bar.set_postfix({name: f"{value:.4f}" for name, value in values.items()})
                values["seconds"] = time.perf_counter() - started
                history.append(values)
    return history


def minibatches(
    rows: int, batch_size: int, seed: int, epoch: int, *, shuffle: bool, xp: Any = np
) -> Iterator[Part]:
    """Yield the rows of each minibatch of one epoch, for arrays of `xp`; the last may be smaller.

    The order depends on `seed` and `epoch` alone, so any epoch can be begun again without those
    before it.  It is drawn on the host, and so is the same on every device.
    """
    starts = range(0, rows, batch_size)
    if not shuffle:
        yield from (slice(start, min(start + batch_size, rows)) for start in starts)
        return
    # Brought to the device as a whole: in parts it would be one copy a step.
    order = xp.asarray(generator(seed, Stream.ORDER, epoch).permutation(rows))
    yield from (order[start : start + batch_size] for start in starts)


def _train(
    trainer: Trainer, data: Data, parts: Iterator[Part], metrics: Sequence[str], bar: Any
) -> dict[str, float]:
    """Take a step on each of `parts`; return the means of their values, weighted by rows."""
    xp, loss, weights = trainer.bound.backend.xp, trainer.loss, data.sample_weight
    # The sums stay on the device: only the end of the epoch waits for them.
    sums: dict[str, Any] = {}
    rows: Any = 0
    for index in parts:
        x, t = _rows(data.x, index), _rows(data.t, index)
        result = trainer.step_on(x, t, None if weights is None else _rows(weights, index))
        values = {"loss": result.loss}
        if trainer.l2:
            values["objective"] = result.value
        if metrics:
            values |= measure(xp, metrics, result.logits, t, loss)
        count = counted_rows(xp, t, loss)
        rows = rows + count
        for name, value in values.items():
            sums[name] = sums.get(name, 0) + value * count
        bar.update()
    found = numbers_of(trainer.bound.backend, {**sums, "rows": rows})
    count = max(found.pop("rows"), 1)
    return {name: total / count for name, total in found.items()}


def _rows(array: Any, index: Any) -> Any:
    """Return ``array[index]``; rows picked by their numbers are taken in half the time."""
    return array[index] if isinstance(index, slice) else array.take(index, 0)


def _take_validation(trainer: Trainer, pair: tuple[Any, Any], metrics: Sequence[str]) -> Data:
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise TypeError("validation_data must be a pair (x, t)")
    x, t = pair
    try:
        return take_measured(trainer.bound, x, t, None, loss=trainer.loss, metrics=metrics)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"validation_data: {error}") from None


class _NoBar:
    """Shows nothing: tqdm would start a thread even for a bar that is switched off."""

    def update(self) -> None:
        """Note one step."""

    def set_postfix(self, values: Mapping[str, str]) -> None:
        """Note the values of an epoch."""


def _bar(total: int, progress: bool | None) -> AbstractContextManager[Any]:
    if progress is None:
        progress = sys.stderr is not None and sys.stderr.isatty()
    if not progress:
        return nullcontext(_NoBar())
    from tqdm import tqdm  # takes a tenth of the time that importing the library may take

    bar: AbstractContextManager[Any] = tqdm(total=total, unit="step")
    return bar
