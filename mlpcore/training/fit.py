"""Epochs of minibatches, validated, measured, and watched by callbacks."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from mlpcore.callbacks.base import Callback, FitRun, StopFit
from mlpcore.io.atomic import StrPath
from mlpcore.signals import deferred_signals
from mlpcore.training.checkpoint import Snapshot
from mlpcore.training.divergence import Divergence
from mlpcore.training.epoch import train_epoch
from mlpcore.training.evaluate import evaluate
from mlpcore.training.fresh_statistics import FreshStatistics
from mlpcore.training.history import History
from mlpcore.training.logged import require_numbers
from mlpcore.training.metrics import Measures, Metric, Place
from mlpcore.training.metrics.metric import Output
from mlpcore.training.progress import NoBar, progress_bar
from mlpcore.training.resume import Resumption, resumption
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
        Who is told; here those who have to be told last come last.
    epochs : int
        How many epochs.
    seed : int
        The seed of the order of the rows.
    progress : bool or None
        Whether to show a bar.
    settings : mapping of str to object
        The arguments that a checkpoint must have in common with a fit that goes on with it.
    resume_from : Snapshot, path or None
        The checkpoint to go on with.
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
    settings: Mapping[str, Any] = field(default_factory=dict)
    resume_from: Snapshot | StrPath | None = None

    def __post_init__(self) -> None:
        in_order = sorted(self.callbacks, key=lambda callback: callback.after_others)
        object.__setattr__(self, "callbacks", tuple(in_order))

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
            callbacks=self.callbacks,
            settings=self.settings,
            statistics=FreshStatistics(self.trainer, self.source, self.seed),
        )
        resumed = None if self.resume_from is None else resumption(self.resume_from, run)
        if resumed is not None:
            resumed.begin(run)
        total = None if run.steps is None else run.steps * (self.epochs - run.epoch) - run.step
        with ExitStack() as closing:
            for callback in self.callbacks:
                closing.callback(callback.on_close, run)
                callback.on_begin(run)
            if resumed is not None:
                resumed.put(run)
            with progress_bar(total, self.progress) as bar, _stoppable(run):
                self._epochs(run, bar, resumed)
            self._end(run)
        run.history.stopped = run.stopped
        return run.history

    def _names(self) -> tuple[str, ...]:
        measured = tuple(metric.name for metric in self.metrics)
        objective = ("objective",) if self.trainer.options.penalized else ()
        validated = () if self.held_out is None else ("loss", *measured)
        return ("loss", *objective, *measured, *(f"val_{name}" for name in validated))

    def _epochs(self, run: FitRun, bar: NoBar, resumed: Resumption | None) -> None:
        divergence = Divergence()
        for number in range(run.epoch, self.epochs):
            if run.stopped is not None:
                return
            run.epoch = number
            self._epoch(run, bar, divergence, resumed)
            resumed = None

    def _epoch(
        self, run: FitRun, bar: NoBar, divergence: Divergence, resumed: Resumption | None
    ) -> None:
        run.began, trainer = time.perf_counter(), self.trainer
        for callback in self.callbacks:
            callback.on_epoch_begin(run)
        place = Place(trainer.bound.backend, self.output)
        totals = Totals.of(
            place.backend,
            Measures(place, self.metrics, trainer.loss),
            penalized=trainer.options.penalized,
        )
        run.totals = totals
        if resumed is not None:
            resumed.put_totals(run, totals)
        # Nobody is told of steps who does nothing with them.
        watchers = [callback for callback in self.callbacks if callback.watches_steps]
        batches = self.source.epoch(run.epoch, run.step)
        run.training = True
        train_epoch(trainer, batches, totals, bar, run, watchers)
        run.training = False
        if run.stopped is not None:
            return
        # Without any step, where all were skipped, the curves have no value.
        nothing = {name: math.nan for name in run.names if not name.startswith("val_")}
        values = nothing | totals.values() | self._validate(run)
        divergence.look(totals.diverged(), run.epoch, totals.steps)
        values["seconds"] = time.perf_counter() - run.began
        run.logs = run.history.append(values)
        run.step = 0
        for callback in self.callbacks:
            callback.on_epoch_end(run)
            require_numbers(run.logs, type(callback).__name__)
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
            if run.statistics is not None:
                run.statistics.gather(run.epoch, run.step)
            with deferred_signals():
                self.trainer.apply_average()
                run.refresh_statistics()
        for callback in self.callbacks:
            callback.on_end(run)


@contextmanager
def _stoppable(run: FitRun) -> Iterator[None]:
    """Let `StopFit` end the block."""
    try:
        yield
    except StopFit as reason:
        run.stop(str(reason))
