"""One epoch of steps."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from mlpcore.training.progress import NoBar
from mlpcore.training.sources.source import Minibatch
from mlpcore.training.totals import Totals
from mlpcore.training.trainer import Trainer

if TYPE_CHECKING:
    from mlpcore.callbacks.base import Callback, FitRun


def train_epoch(
    trainer: Trainer,
    batches: Iterator[Minibatch],
    totals: Totals,
    bar: NoBar,
    run: "FitRun",
    watchers: Sequence["Callback"],
) -> None:
    """Take a step on each of `batches`, until somebody stops the run.

    Parameters
    ----------
    trainer : Trainer
        What takes the steps.
    batches : iterator of (x, t, sample_weight)
        The minibatches; closed at the end.
    totals : Totals
        What sums the values of the steps.
    bar : NoBar
        What shows them.
    run : FitRun
        What callbacks see.
    watchers : sequence of Callback
        Those who want to know of each step.
    """
    with closing(batches):  # type: ignore[type-var]  # they are generators
        for x, t, weights in batches:
            skipped = trainer.skipped
            result = trainer.step_on(x, t, weights)
            if trainer.skipped == skipped:
                totals.add(result, t)
            if bar.shown:
                bar.step(x.shape[0], totals, trainer)
            if watchers:
                run.step += 1
                run.result = result
                for watcher in watchers:
                    watcher.on_batch_end(run)
                if run.stopped is not None:
                    return
    trainer.flush()
