"""Epochs of shuffled minibatches."""

import operator
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mlpcore.passes import take
from mlpcore.training.evaluate import evaluate_rows
from mlpcore.training.history import History
from mlpcore.training.metrics import METRICS
from mlpcore.training.targets import take_targets, take_weights
from mlpcore.training.trainer import Trainer


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
    """Let `trainer` step through the data; see `MLP.fit`, which says what each argument means."""
    epochs, batch_size = _count(epochs, "epochs", 0), _count(batch_size, "batch_size", 1)
    bound = trainer.bound
    backend, program, dtype = bound.backend, bound.program, bound.dtype
    history = History()
    with backend.active():
        batch = take(backend, x, program.in_features, dtype)
        targets = take_targets(backend, batch, t, program.out_features, trainer.loss, dtype)
        weights = take_weights(backend, batch, sample_weight, dtype)
        rows = batch.rows.shape[0]
        if rows == 0:
            raise ValueError("cannot fit on no rows")
        held_out = None if validation_data is None else _validation(trainer, validation_data)
        steps = -(-rows // batch_size)
        with _bar(epochs * steps, progress) as bar:
            for epoch in range(epochs):
                started = time.perf_counter()
                sums: dict[str, Any] = {}
                for part in minibatches(rows, batch_size, seed, epoch, shuffle=shuffle):
                    index = part if isinstance(part, slice) else backend.xp.asarray(part)
                    xb, tb = batch.rows[index], targets[index]
                    wb = None if weights is None else weights[index]
                    result = trainer.step_on(xb, tb, wb)
                    _add(sums, "loss", result.value * xb.shape[0])
                    for name in metrics:
                        value = METRICS[name](backend.xp, result.logits, tb)
                        _add(sums, name, value * xb.shape[0])
                    bar.update()
                values = {name: float(total) / rows for name, total in sums.items()}
                if held_out is not None:
                    found = evaluate_rows(bound, *held_out, loss=trainer.loss, metrics=metrics)
                    values |= {f"val_{name}": value for name, value in found.items()}
                bar.set_postfix({name: f"{value:.4f}" for name, value in values.items()})
                values["seconds"] = time.perf_counter() - started
                history.append(values)
    return history


def minibatches(
    rows: int, batch_size: int, seed: int, epoch: int, *, shuffle: bool
) -> Iterator[slice | np.ndarray[Any, np.dtype[np.int64]]]:
    """Yield the rows of each minibatch of one epoch; the last one may be smaller.

    The order depends on `seed` and `epoch` alone, so any epoch can be begun again without those
    before it.  It is drawn on the host, and so is the same on every device.
    """
    starts = range(0, rows, batch_size)
    if not shuffle:
        yield from (slice(start, min(start + batch_size, rows)) for start in starts)
        return
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, epoch])))
    order = rng.permutation(rows)
    yield from (order[start : start + batch_size] for start in starts)


def _add(sums: dict[str, Any], name: str, value: Any) -> None:
    # Stays on the device: only the end of an epoch waits for the numbers.
    sums[name] = value if name not in sums else sums[name] + value


def _validation(trainer: Trainer, data: tuple[Any, Any]) -> tuple[Any, Any]:
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise TypeError("validation_data must be a pair (x, t)")
    bound = trainer.bound
    backend, program = bound.backend, bound.program
    batch = take(backend, data[0], program.in_features, bound.dtype)
    if batch.rows.shape[0] == 0:
        raise ValueError("validation_data has no rows")
    targets = take_targets(backend, batch, data[1], program.out_features, trainer.loss, bound.dtype)
    return batch.rows, targets


def _bar(total: int, progress: bool | None) -> Any:
    from tqdm import tqdm  # takes a tenth of the time that importing the library may take

    # None lets tqdm decide: it shows the bar on a terminal and is silent elsewhere.
    return tqdm(total=total, disable=None if progress is None else not progress, unit="step")


def _count(value: Any, name: str, least: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {value!r}") from None
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {number}")
    return number
