"""The learning rate as a curve of the history."""

from mlpcore.callbacks.base import Callback, FitRun


class LearningRateLog(Callback):
    """Adds ``lr`` to each epoch: the rate of the update that comes next, schedule included.

    Callbacks that are to write it, such as `CSVLog`, come after it in the list.
    """

    def on_epoch_end(self, run: FitRun) -> None:
        """Add the rate."""
        run.logs["lr"] = run.trainer.rate
