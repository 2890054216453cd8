"""What watches the epochs of an estimator: its curves, when to stop, and at which rate to go on.

All are callbacks of the library's own `fit`.  Losses and rates are those of scikit-learn's
objective, which is `scale` times that of the trainer.
"""

import math
from collections.abc import Callable
from typing import Any

from mlpcore.callbacks import Callback, FitRun

SCORE = "validation_score"
"""The curve that other callbacks may monitor with early stopping."""

SMALLEST_RATE = 1e-6
"""The learning rate at which ``learning_rate="adaptive"`` gives up, as scikit-learn does."""


class Curves(Callback):
    """Keeps the objective of each epoch where the estimator shows it, and stops at NaN.

    Parameters
    ----------
    estimator : BaseMLP
        Has ``loss_curve_``, ``n_iter_`` and ``t_``.
    rows : int
        How many rows an epoch has.
    scale : float
        c of the objective.
    """

    def __init__(self, estimator: Any, rows: int, scale: float) -> None:
        self._estimator, self._rows, self._scale = estimator, rows, scale
        self.diverged = False

    def on_epoch_end(self, run: FitRun) -> None:
        """Note the objective."""
        estimator = self._estimator
        loss = self._scale * run.logs.get("objective", run.logs["loss"])
        estimator.n_iter_ += 1
        estimator.t_ += self._rows
        estimator.loss_ = loss
        estimator.loss_curve_.append(loss)
        if estimator.verbose:
            print(f"Iteration {estimator.n_iter_}, loss = {loss:.8f}")
        if not math.isfinite(loss):
            self.diverged = True
            run.stop(f"the loss was {loss} in epoch {run.epoch + 1}")


class ValidationScore(Callback):
    """Scores the model on rows held out after each epoch, and keeps the best parameters.

    Parameters
    ----------
    estimator : BaseMLP
        Has ``validation_scores_`` and ``best_validation_score_``.
    score : callable
        Returns the score of the model as it is.

    Attributes
    ----------
    best : dict of str to ndarray, or None
        The parameters and statistics of the epoch with the best score.
    """

    def __init__(self, estimator: Any, score: Callable[[], float]) -> None:
        self._estimator, self._score = estimator, score
        self.best: dict[str, Any] | None = None

    def on_begin(self, run: FitRun) -> None:
        """Name the curve, for callbacks that monitor it."""
        run.names += (SCORE,)

    def on_epoch_end(self, run: FitRun) -> None:
        """Score the model."""
        estimator, score = self._estimator, self._score()
        run.logs[SCORE] = score
        estimator.validation_scores_.append(score)
        if estimator.verbose:
            print(f"Validation score: {score:.6f}")
        if score > estimator.best_validation_score_:
            estimator.best_validation_score_ = score
            self.best = run.trainer.bound.values()


class NoImprovement(Callback):
    """Ends the fit when the loss, or the validation score, has not become better for long.

    Parameters
    ----------
    tol : float
        By how much at least a better value is better.
    patience : int or float
        It stops after more than so many epochs in a row without one.
    best : float
        The best value before: infinity for a loss, minus infinity for a score.
    value : callable
        ``(run)`` to the value of the epoch.
    larger : bool
        Whether larger values are better.
    before_stopping : callable
        ``(run)`` to whether to go on nevertheless.
    verbose : bool
        Whether to print why it ends.
    """

    def __init__(
        self,
        tol: float,
        patience: float,
        *,
        best: float,
        value: Callable[[FitRun], float],
        larger: bool,
        before_stopping: Callable[[FitRun], bool],
        verbose: bool,
    ) -> None:
        self._tol, self._patience = tol, patience
        self._sign = 1.0 if larger else -1.0
        self._value, self._best = value, self._sign * best
        self._go_on, self._verbose = before_stopping, verbose
        self._what = "validation score" if larger else "training loss"
        self._count = 0

    def on_epoch_end(self, run: FitRun) -> None:
        """Count epochs without improvement."""
        value = self._sign * self._value(run)
        # A score that is better by exactly tol counts, a loss does not: as scikit-learn has it.
        enough = (
            value >= self._best + self._tol if self._sign > 0 else value > self._best + self._tol
        )
        self._count = 0 if enough else self._count + 1
        self._best = max(self._best, value)
        if self._count <= self._patience or run.stopped is not None:
            return
        reason = f"the {self._what} did not improve by {self._tol:g} for {self._count} epochs"
        if self._go_on(run):
            self._count = 0
            return
        if self._verbose:
            print(f"{reason[0].upper()}{reason[1:]}: stopping.")
        run.stop(reason)


class InverseScaling(Callback):
    """Sets the rate to η₀ / (t + 1)ᵖ after each epoch, for t rows seen so far.

    Parameters
    ----------
    estimator : BaseMLP
        Has ``t_``.
    rate : float
        η₀, as the trainer takes it.
    power : float
        p.
    """

    def __init__(self, estimator: Any, rate: float, power: float) -> None:
        self._estimator, self._rate, self._power = estimator, rate, power

    def on_epoch_end(self, run: FitRun) -> None:
        """Set the rate of the next epoch."""
        run.trainer.lr = self._rate / (self._estimator.t_ + 1) ** self._power


class Adaptive:
    """Divides the rate by 5 where the fit would stop, until it is too small.

    Parameters
    ----------
    scale : float
        What the trainer's rate is divided by to be the user's.
    verbose : bool
        Whether to print the new rate.
    """

    def __init__(self, scale: float, verbose: bool) -> None:
        self._scale, self._verbose = scale, verbose

    def __call__(self, run: FitRun) -> bool:
        """Return whether to go on, with a smaller rate."""
        if run.trainer.lr / self._scale <= SMALLEST_RATE:
            return False
        run.trainer.lr /= 5.0
        if self._verbose:
            print(f"No improvement: the learning rate is now {run.trainer.lr / self._scale:g}")
        return True
