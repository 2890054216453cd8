"""One training step at a time."""

import threading
from typing import Any

from mlpcore.backends.base import StepResult
from mlpcore.backends.bound import BoundProgram
from mlpcore.backends.forks import renew_in_child
from mlpcore.backends.signals import deferred_signals
from mlpcore.cached import cached_property
from mlpcore.checks import not_negative, positive
from mlpcore.kernels.reference.operation import RandomKey
from mlpcore.nn.losses import Loss
from mlpcore.optim import Optimizer
from mlpcore.training.data import take_data
from mlpcore.training.data_as_they_are import AsTheyAre
from mlpcore.training.objective import objective


class Trainer:
    """Takes training steps on a model: forward, loss, backward, update.

    Made by `MLP.trainer`.

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
    l2 : float
        λ of the penalty λ/2 ΣW².
    seed : int
        The seed of whatever a step draws at random.

    Attributes
    ----------
    lr : float
        The learning rate of the next step; may be set between steps.
    steps : int
        How many steps were taken.
    """

    def __init__(
        self,
        bound: BoundProgram,
        loss: Loss,
        optimizer: Optimizer,
        *,
        lr: float | None = None,
        l2: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.loss = loss
        self.optimizer = optimizer
        self.lr = optimizer.lr if lr is None else lr
        self.l2 = not_negative(l2, "l2")
        self.steps = 0
        self.bound = bound
        self._seed = seed
        self._fit_as_they_are = AsTheyAre(bound, loss)
        length = bound.parameters.layout.length
        with bound.backend.active():
            self._rule = bound.step_rule(loss, optimizer, self.l2)
            self._moments = {
                name: bound.backend.zeros(length, bound.dtype) for name in optimizer.state_names
            }
        self._after_fork()
        renew_in_child(self)

    @cached_property
    def _gradient(self) -> Any:
        """The flat gradient of steps in parts; a rule that takes them at once has its own."""
        return self.bound.gradient()

    def _after_fork(self) -> None:
        """Make the lock that lets one thread after the other take its step; nobody steps yet."""
        self._turn = threading.RLock()
        self._stepping = False

    @property
    def lr(self) -> float:
        """The learning rate of the next step."""
        return self._lr

    @lr.setter
    def lr(self, value: float) -> None:
        self._lr = positive(value, "lr")

    def step(self, x: Any, t: Any, sample_weight: Any = None) -> Any:
        """Take one step on a batch and return its objective J as it was before the step.

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
            loss of the user's own.
        """
        with self._turn:
            if self._stepping:
                raise RuntimeError("a step of this trainer is under way in this very thread")
            try:
                self._stepping = True
                result = self._step_at_once(x, t, sample_weight)
                if result is None:
                    with self.bound.backend.active():
                        result = self._step_in_parts(x, t, sample_weight)
                return result
            finally:
                self._stepping = False

    def _step_at_once(self, x: Any, t: Any, sample_weight: Any) -> StepResult | None:
        """Take the step in one piece, if the engine can; the parameters are locked meanwhile."""
        rule = self._rule
        if rule is None:
            return None
        inputs = rule.prepare(x, t, sample_weight)
        if inputs is None:
            return None
        bound, number = self.bound, self.steps + 1
        if not bound.watchers:
            with bound.writing():
                result = rule(x, inputs, self._moments, number, self._lr)
                self.steps = number
            return result
        # Those who watch may predict, or stop the step, so they are called before anything changes.
        with bound.backend.active():
            sequence = bound.sequence
            recorded, records = rule.record(x)
            for watcher in list(bound.watchers):
                watcher(records)
            with bound.writing():
                bound.require(sequence)
                result = rule.finish(recorded, inputs, self._moments, number, self._lr)
                self.steps = number
        return result

    def _step_in_parts(self, x: Any, t: Any, sample_weight: Any) -> StepResult:
        found = objective(
            self.bound,
            x,
            t,
            self.loss,
            l2=self.l2,
            sample_weight=sample_weight,
            training=True,
            random=RandomKey(self._seed, self.steps),
            out=self._gradient,
        )
        with deferred_signals():
            self.bound.update(
                found.tape,
                self.optimizer,
                self._gradient,
                self._moments,
                self.steps + 1,
                self._lr,
            )
            self.steps += 1
        return StepResult(found.value, found.loss, found.penalty, found.logits)

    def __repr__(self) -> str:
        return f"Trainer({self.loss}, {self.optimizer!r}, lr={self.lr:g}, steps={self.steps})"
