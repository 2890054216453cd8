"""Epochs of minibatches, validated, measured, and watched by callbacks."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from mlpcore.callbacks.base import Callback, FitRun, StopFit
from mlpcore.training.divergence import Divergence
from mlpcore.training.epoch import train_epoch
from mlpcore.training.evaluate import evaluate
from mlpcore.training.history import History
from mlpcore.training.metrics import Measures, Metric, Place
from mlpcore.training.metrics.metric import Output
from mlpcore.training.progress import NoBar, progress_bar
from mlpcore.training.sources.source import Source
from mlpcore.training.totals import Totals
from mlpcore.training.trainer import Trainer
from mlpcore.training.validation import HeldOut


@dataclass(frozen=True)
class Fit:
    """Lets a trainer step through data, epoch after epoch; see `MLP.fit`.

    Attributes
    ----------
    model : MLP
        What is trained, for callbacks.
    trainer : Trainer
        What takes the steps; its backend must be active.
    source : Source
        Where the minibatches come from.
    held_out : callable or None
        Gives the data to evaluate after each epoch.
    metrics : tuple of Metric
        What to tell beside the loss.
    output : callable
        ``(xp, z)`` to predictions.
    callbacks : sequence of Callback
        Who is told.
    epochs : int
        How many epochs.
    seed : int
        The seed of the order of the rows.
    progress : bool or None
        Whether to show a bar.
    """

    model: Any
    trainer: Trainer
    source: Source
    held_out: HeldOut | None
    metrics: tuple[Metric, ...]
    output: Output
    callbacks: Sequence[Callback]
    epochs: int
    seed: int
    progress: bool | None

    def run(self) -> History:
        """Train, and return the curves."""
        run = FitRun(
            self.model,
            self.trainer,
            History(),
            self.epochs,
            self.seed,
            self._names(),
            self.metrics,
            self.source.steps,
        )
        total = None if run.steps is None else run.steps * self.epochs
        with ExitStack() as closing:
            for callback in self.callbacks:
                closing.callback(callback.on_close, run)
                callback.on_begin(run)
            with progress_bar(total, self.progress) as bar, _stoppable(run):
                self._epochs(run, bar)
            self._end(run)
        run.history.stopped = run.stopped
        return run.history

    def _names(self) -> tuple[str, ...]:
        measured = tuple(metric.name for metric in self.metrics)
        objective = ("objective",) if self.trainer.options.penalized else ()
        validated = () if self.held_out is None else ("loss", *measured)
        return ("loss", *objective, *measured, *(f"val_{name}" for name in validated))

    def _epochs(self, run: FitRun, bar: NoBar) -> None:
        divergence = Divergence()
        for number in range(run.epoch, self.epochs):
            run.epoch = number
            self._epoch(run, bar, divergence)
            if run.stopped is not None:
                return

    def _epoch(self, run: FitRun, bar: NoBar, divergence: Divergence) -> None:
        started, trainer = time.perf_counter(), self.trainer
        for callback in self.callbacks:
            callback.on_epoch_begin(run)
        place = Place(trainer.bound.backend, self.output)
        totals = Totals.of(
            place.backend,
            Measures(place, self.metrics, trainer.loss),
            penalized=trainer.options.penalized,
        )
        # Nobody is told of steps who does nothing with them.
        watchers = [c for c in self.callbacks if type(c).on_batch_end is not Callback.on_batch_end]
        batches = self.source.epoch(run.epoch, run.step)
        run.training = True
        train_epoch(trainer, batches, totals, bar, run, watchers)
        run.training = False
        if run.stopped is not None:
            return
        values = totals.values() | self._validate(run)
        divergence.look(totals.diverged(), run.epoch, totals.steps)
        values["seconds"] = time.perf_counter() - started
        run.logs = run.history.append(values)
        run.step = 0
        for callback in self.callbacks:
            callback.on_epoch_end(run)
        bar.epoch(run.logs)

    def _validate(self, run: FitRun) -> dict[str, float]:
        if self.held_out is None:
            return {}
        bound, loss = self.trainer.bound, self.trainer.loss
        with run.as_validated():
            found = evaluate(
                bound, self.held_out(), loss=loss, metrics=self.metrics, output=self.output
            )
        return {f"val_{name}": value for name, value in found.items()}

    def _end(self, run: FitRun) -> None:
        average = self.trainer.average
        if average is not None and average.taken:
            self.trainer.apply_average()
        for callback in self.callbacks:
            callback.on_end(run)


@contextmanager
def _stoppable(run: FitRun) -> Iterator[None]:
    """Let `StopFit` end the block."""
    try:
        yield
    except StopFit as reason:
        run.stop(str(reason))
