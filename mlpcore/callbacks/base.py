"""What a callback is told, and what it may do."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from mlpcore.backends.base import StepResult
from mlpcore.training.fresh_statistics import FreshStatistics
from mlpcore.training.history import History
from mlpcore.training.metrics import Metric
from mlpcore.training.totals import Totals
from mlpcore.training.trainer import Trainer


class StopFit(Exception):  # noqa: N818 - nothing went wrong
    """Raised inside a step, it ends the fit before the step changes anything.

    Parameters
    ----------
    reason : str
        What `History.stopped` shall say.
    """


@dataclass
class FitRun:
    """A fit that is under way.

    Attributes
    ----------
    model : MLP
        What is trained.
    trainer : Trainer
        What takes the steps; its `lr` may be set.
    history : History
        The epochs so far.
    epochs : int
        How many there will be.
    seed : int
        The seed of the order of the rows: with `epoch` it gives that of every epoch.
    names : tuple of str
        The curves that an epoch will have, without those that callbacks add.
    metrics : tuple of Metric
        The metrics among them.
    steps : int or None
        How many steps an epoch has, if that is known beforehand.
    epoch : int
        The number of the present epoch, counted from 0.
    step : int
        How many steps of it were taken.
    training : bool
        Whether steps are under way, rather than an evaluation or nothing.
    result : StepResult or None
        What the last step computed, on the model's device.
    logs : dict
        At the end of an epoch its values by name, which are those in `history`: what a callback
        adds appears there, too.  Values are numbers, or 0-d arrays, of which numbers are made; for
        anything else `fit` raises TypeError after the callback.
    stopped : str or None
        Why the fit will end before its last epoch.
    resumed : bool
        Whether it goes on where a checkpoint was written: then `history`, `epoch` and `step` are
        already those of the checkpoint when it begins.
    callbacks : sequence of Callback
        Who is told, in the order in which they are.
    settings : mapping of str to object
        The arguments of the fit that a resumed one must have, too, as plain values.
    totals : Totals or None
        The sums of the steps of the present epoch.
    began : float
        When the present epoch began, in seconds of `time.perf_counter`.
    statistics : FreshStatistics or None
        What takes the running statistics that belong to the average.
    """

    model: Any
    trainer: Trainer
    history: History
    epochs: int
    seed: int
    names: tuple[str, ...]
    metrics: tuple[Metric, ...] = ()
    steps: int | None = None
    epoch: int = 0
    step: int = 0
    training: bool = False
    result: StepResult | None = None
    logs: dict[str, float] = field(default_factory=dict)
    stopped: str | None = None
    resumed: bool = False
    callbacks: Sequence["Callback"] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    totals: Totals | None = None
    began: float = 0.0
    statistics: FreshStatistics | None = None

    def stop(self, reason: str) -> None:
        """End the fit: after the step, in `on_batch_end`, or after the epoch, in `on_epoch_end`.

        An epoch that is left in its middle does not appear in the history.
        """
        self.stopped = reason

    @contextmanager
    def as_validated(self) -> Iterator[None]:
        """Let the model be as it is validated: with ``average=`` that, and its own statistics."""
        average = self.trainer.average
        if average is None or not average.taken:
            yield
            return
        with self.trainer.averaged():
            self.refresh_statistics()
            yield

    def refresh_statistics(self) -> None:
        """Let the model, which has just become the average, have the statistics that fit it."""
        if self.statistics is not None:
            self.statistics.put(self.epoch, self.step)


class Callback:
    """Is told when a fit begins and ends, and its epochs and steps; does nothing with it.

    Write a class that overrides what it needs.  Callbacks are called in the order in which `fit`
    was given them, and whatever they raise comes out of `fit`.
    """

    after_others: ClassVar[bool] = False
    """Whether it is told when all the others have been, as who saves their state must be."""

    @property
    def watches_steps(self) -> bool:
        """Whether it wants to be told of each step."""
        return type(self).on_batch_end is not Callback.on_batch_end

    def on_begin(self, run: FitRun) -> None:
        """Begin; an argument that does not suit the fit is refused here, before any step."""

    def on_epoch_begin(self, run: FitRun) -> None:
        """Note that epoch ``run.epoch`` begins, or goes on after ``run.step`` of its steps."""

    def on_batch_end(self, run: FitRun) -> None:
        """Note a step: ``run.step`` of them were taken in this epoch, the last gave ``run.result``.

        Reading a number of a GPU waits for it.
        """

    def on_epoch_end(self, run: FitRun) -> None:
        """Note the end of an epoch, whose values are in ``run.logs``."""

    def on_end(self, run: FitRun) -> None:
        """Note that the fit ends, after its last epoch or because somebody stopped it."""

    def on_close(self, run: FitRun) -> None:
        """Let go of what `on_begin` took hold of: called last, also where an error ends the fit."""

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint must hold to go on.

        None, numbers, strings and NumPy arrays, and mappings, lists and tuples of them.
        """
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take what `state_dict` returned, after `on_begin`."""
