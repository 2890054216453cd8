"""One training step at a time."""

import threading
from dataclasses import replace
from typing import Any

from mlpcore.backends.base import StepResult, StepRule
from mlpcore.backends.bound import BoundProgram, Tape
from mlpcore.backends.forks import renew_in_child
from mlpcore.checks import not_negative, positive
from mlpcore.kernels.reference.operation import RandomKey
from mlpcore.nn.losses import Loss
from mlpcore.optim import Optimizer
from mlpcore.signals import deferred_signals
from mlpcore.training.accumulation import Accumulation
from mlpcore.training.data import take_data
from mlpcore.training.data_as_they_are import AsTheyAre
from mlpcore.training.running_average import RunningAverage
from mlpcore.training.step_in_parts import StepInParts
from mlpcore.training.step_options import StepOptions


class Stepping:
    """Takes training steps on a model: forward, loss, backward, update.

    Parameters
    ----------
    bound : BoundProgram
        The model's program with its parameters, which the steps change in place.
    loss : Loss
        The data loss of the logits.
    optimizer : Optimizer
        The rule of the update.
    lr : float or None
        The learning rate, or None for the optimizer's own.
    options : StepOptions
        What a step does besides.
    seed : int
        The seed of whatever a step draws at random.

    Attributes
    ----------
    steps : int
        How many updates were made.
    skipped : int
        How many batches were left out because of ``on_nan="skip"``.
    average : RunningAverage or None
        The average of the parameters that is kept.

    Raises
    ------
    ValueError
        If a group of parameters does not fit the model.
    """

    def __init__(
        self,
        bound: BoundProgram,
        loss: Loss,
        optimizer: Optimizer,
        *,
        lr: float | None = None,
        options: StepOptions | None = None,
        seed: int = 0,
    ) -> None:
        self.loss = loss
        self.optimizer = optimizer
        self.lr = optimizer.lr if lr is None else lr
        self.options = options = StepOptions() if options is None else options
        self.steps = self.skipped = 0
        self.bound = bound
        self._seed = seed
        self._schedule = options.schedule
        self._fit_as_they_are = AsTheyAre(bound, loss)
        length = bound.parameters.layout.length
        with bound.backend.active():
            self._parts = StepInParts(bound, loss, optimizer, options)
            self._rule = self._rule_of_steps()
            self.average = (
                None if options.average is None else RunningAverage(bound, options.average)
            )
            self._moments = {
                name: bound.backend.zeros(length, bound.dtype) for name in optimizer.state_names
            }
        self._lent = False
        self._after_fork()
        renew_in_child(self)

    def _rule_of_steps(self) -> StepRule | None:
        """Return what takes whole steps at once, where it knows all that they are asked for."""
        if not self._parts.plain:
            return None
        return self.bound.step_rule(self.loss, self.optimizer, self.options.l2)

    def _after_fork(self) -> None:
        """Make the lock that lets one thread after the other take its step; nobody steps yet."""
        self._turn = threading.RLock()
        self._stepping = False

    @property
    def lr(self) -> float:
        """The base learning rate; may be set between steps."""
        return self._lr

    @lr.setter
    def lr(self, value: float) -> None:
        self._lr = positive(value, "lr")

    @property
    def rate(self) -> float:
        """The learning rate of the next update: `lr` times the factor of the schedule."""
        schedule = self._schedule
        if schedule is None:
            return self._lr
        return self._lr * not_negative(schedule(self.steps), f"schedule({self.steps})")

    @property
    def frozen(self) -> frozenset[str]:
        """The names of the parameters and statistics that groups freeze."""
        return self._parts.rules.frozen

    @property
    def l2(self) -> float:
        """λ₂ of the penalty, where groups say nothing else; may be set between steps."""
        return self.options.l2

    @l2.setter
    def l2(self, value: float) -> None:
        if value == self.options.l2:
            return
        with self._turn:
            self._refuse_now()
            options = replace(self.options, l2=value)
            self._parts.set_options(options)
            self.options = options
            if self._rule is not None:
                self._rule.set_l2(options.l2)

    @property
    def gradient_norm(self) -> Any:
        """The norm of the last update's gradient before ``clip_norm=`` scaled it.

        A float64 array of shape () on the model's device; None without ``clip_norm=``, and before
        the first update.
        """
        return self._parts.norm

    @property
    def pending(self) -> int:
        """How many batches wait in the mean gradient for the update that ``accumulate=`` makes."""
        accumulation = self._parts.accumulation
        return 0 if accumulation is None else accumulation.batches

    def step(self, x: Any, t: Any, sample_weight: Any = None) -> Any:
        """Take one step on a batch and return its objective J as it was before the step.

        With ``accumulate=k`` the update comes with every k-th call; `flush` makes it early.

        Parameters
        ----------
        x : array, shape (rows, features)
            The input; NumPy, CuPy or anything with DLPack.
        t : array
            The targets: class labels (rows,), or what else the loss takes.
        sample_weight : array, shape (rows,), optional
            The weight of each row in the loss.

        Returns
        -------
        array, shape ()
            J = L + s on the model's device, not copied to the host.

        Raises
        ------
        TypeError, ValueError
            If something does not fit; the model is left as it was.
        FloatingPointError
            If ``on_nan="raise"`` and J, its gradient or a new statistic is NaN or infinite;
            likewise.
        """
        backend = self.bound.backend
        if sample_weight is None and self._fit_as_they_are(x, t):
            return backend.xp.asarray(self.step_on(x, t).value)
        with backend.active():
            data = take_data(self.bound, x, t, self.loss, sample_weight)
            if data.rows == 0:
                raise ValueError("a training step needs at least one row, got none")
            result = self.step_on(data.x, data.t, data.sample_weight)
            return backend.xp.asarray(result.value)

    def step_on(self, x: Any, t: Any, sample_weight: Any = None) -> StepResult:
        """Take one step on rows that are already checked and on the model's device.

        Raises
        ------
        RuntimeError
            If it is called in the middle of a step of the same thread, by a signal handler or a
            loss of the user's own; or while the model holds the average.
        FloatingPointError
            If ``on_nan="raise"`` and J, its gradient or a new statistic is NaN or infinite.
        """
        with self._turn:
            if self._stepping or self._lent:
                self._refuse_now()
            try:
                self._stepping = True
                result = self._step_at_once(x, t, sample_weight)
                if result is None:
                    with self.bound.backend.active():
                        result = self._step_in_parts(x, t, sample_weight)
                return result
            finally:
                self._stepping = False

    def _refuse_now(self) -> None:
        if self._stepping:
            raise RuntimeError("a step of this trainer is under way in this very thread")
        if self._lent:
            raise RuntimeError(
                "the model holds the average of its parameters; leave `with trainer.averaged()` "
                "before the next step"
            )

    def _step_at_once(self, x: Any, t: Any, sample_weight: Any) -> StepResult | None:
        """Take the step in one piece, if the engine can; the parameters are locked meanwhile."""
        rule = self._rule
        if rule is None:
            return None
        inputs = rule.prepare(x, t, sample_weight)
        if inputs is None:
            return None
        bound, number = self.bound, self.steps + 1
        rate = self._lr if self._schedule is None else self.rate
        if not bound.watchers:
            with bound.writing():
                result = rule(x, inputs, self._moments, self._seed, number, rate)
                self._note_update()
            return result
        # Those who watch may predict, or stop the step, so they are called before anything changes.
        with bound.backend.active():
            sequence = bound.sequence
            recorded, records = rule.record(x, self._seed, number)
            for watcher in list(bound.watchers):
                watcher(records)
            with bound.writing():
                bound.require(sequence)
                result = rule.finish(recorded, inputs, self._moments, number, rate)
                self._note_update()
        return result

    def _step_in_parts(self, x: Any, t: Any, sample_weight: Any) -> StepResult:
        """Take the step one piece after the other; nothing is changed before the last of them."""
        parts, accumulation = self._parts, self._parts.accumulation
        row = 0 if accumulation is None else accumulation.rows
        rate = self.rate
        random = RandomKey(self._seed, self.steps, row=row)
        found = parts.differentiate(x, t, sample_weight, random)
        result = StepResult(found.value, found.loss, found.penalty, found.logits)
        on_nan = self.options.on_nan
        if on_nan != "ignore" and not parts.is_finite(found):
            if on_nan == "raise":
                wrong = parts.what_is_wrong(found, x)
                raise FloatingPointError(
                    f"in step {self.steps + 1} {wrong}; nothing was updated. A smaller lr, "
                    "clip_norm= or finite data may help"
                )
            self.skipped += 1
            return result
        with deferred_signals():
            if accumulation is None:
                self._update(found.tape, parts.clip(found.gradients.flat), rate)
                return result
            self.bound.keep_state(found.tape, parts.rules.frozen)
            if parts.accumulate(accumulation, found, t, sample_weight):
                self._update_with_mean(accumulation, rate)
        return result

    def flush(self) -> bool:
        """Make the update of the batches that wait for more of them; say whether there were any.

        At the end of the data ``accumulate=`` may have less than its number of batches.

        Raises
        ------
        RuntimeError
            As for `step`.
        """
        with self._turn:
            self._refuse_now()
            accumulation = self._parts.accumulation
            if accumulation is None or not accumulation.batches:
                return False
            rate = self.rate
            with self.bound.backend.active(), deferred_signals():
                self._update_with_mean(accumulation, rate)
            return True

    def _update_with_mean(self, accumulation: Accumulation, rate: float) -> None:
        self._update(None, self._parts.clip(accumulation.mean), rate)
        accumulation.clear()

    def _update(self, tape: Tape | None, g: Any, rate: float) -> None:
        rules = self._parts.rules
        self.bound.update(
            tape,
            self.optimizer,
            g,
            self._moments,
            self.steps + 1,
            rate,
            spans=rules.spans,
            frozen=rules.frozen,
            then=self._note_update,
        )

    def _note_update(self) -> None:
        """Count an update, and take its parameters, which are locked, into the average."""
        self.steps += 1
        if self.average is not None:
            with self.bound.backend.active():
                self.average.take(self.steps)
