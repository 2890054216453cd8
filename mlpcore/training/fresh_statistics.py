"""Running statistics for the average of a fit: they follow the parameters of the steps, not it."""

from typing import Any

from mlpcore.program import Program
from mlpcore.training.refresh import refresh_statistics, statistics
from mlpcore.training.sources.source import Source
from mlpcore.training.trainer import Trainer

MOST_ROWS = 8192
"""How many rows statistics are taken of: then a mean is known to about 1 % of the deviation."""
LEAST_ROWS = 256
"""How many rows are taken at least, however wide a layer is."""
MOST_NUMBERS = 2**24
"""How many numbers the widest of the arrays between layers may have for so many rows, where that
leaves `LEAST_ROWS`."""


class FreshStatistics:
    """Takes them anew whenever the model has become the average.

    Parameters
    ----------
    trainer : Trainer
        Whose model it is.
    source : Source
        Where the rows come from; no epoch of it has begun.
    seed : int
        The seed by which rows are drawn.
    """

    def __init__(self, trainer: Trainer, source: Source, seed: int) -> None:
        self._trainer, self._source = trainer, source
        program = trainer.bound.program
        self._wanted = trainer.average is not None and bool(statistics(program, trainer.frozen))
        self._found: tuple[Any, Any] = None, None
        if self._wanted:
            source.keep_sample(rows_for_statistics(program), seed)

    def gather(self, epoch: int, step: int) -> None:
        """Have the rows that `put` needs: batches of the user's may raise, and take their time.

        Parameters
        ----------
        epoch, step : int
            As for `put`.
        """
        if self._wanted:
            self._rows(epoch, step)

    def put(self, epoch: int, step: int) -> None:
        """Let the model, which holds the average, have the statistics that belong to it.

        Parameters
        ----------
        epoch, step : int
            Where the fit stands: in which epoch, counted from 0, and after how many of its steps.
        """
        if not self._wanted:
            return
        trainer = self._trainer
        state, average = trainer.bound.state.flat, trainer.average
        place = epoch, average and average.taken
        if self._found[0] == place:  # several may ask for the model of one epoch
            with trainer.bound.writing():
                state[...] = self._found[1]
            return
        # Rows of batches that steps left out are among them, too.
        finite = trainer.options.on_nan == "skip"
        rows = self._rows(epoch, step)
        refresh_statistics(trainer.bound, rows, trainer.frozen, finite=finite)
        self._found = place, state.copy()

    def _rows(self, epoch: int, step: int) -> Any:
        at = (epoch, step) if step else (max(epoch - 1, 0), None)
        return self._source.sample(*at)


def rows_for_statistics(program: Program) -> int:
    """Return how many rows the statistics of a program are taken of."""
    widest = max(program.in_features, *(stage.out_features for stage in program.stages))
    return max(LEAST_ROWS, min(MOST_ROWS, MOST_NUMBERS // widest))
