"""The fit of an estimator: by batches with the library's own `Fit`, or by L-BFGS."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from mlpcore.callbacks import Callback, FitRun
from mlpcore.callbacks.given import callbacks_of
from mlpcore.optim import lbfgs
from mlpcore.sklearn.inputs import over_rows
from mlpcore.sklearn.objective import BatchTrainer, Objective
from mlpcore.sklearn.solver import make_optimizer, rate_scale
from mlpcore.sklearn.sources import make_source
from mlpcore.sklearn.watching import (
    SCORE,
    Adaptive,
    Curves,
    InverseScaling,
    NoImprovement,
    ValidationScore,
)
from mlpcore.training import History, StepOptions
from mlpcore.training.fit import Fit
from mlpcore.warn import warn

_SCIPY_FTOL = 1e7 * np.finfo(np.float64).eps
"""The relative change of J at which scikit-learn lets L-BFGS end: SciPy's default."""


@dataclass(frozen=True)
class Rows:
    """What an estimator learns from, checked.

    Attributes
    ----------
    X : ndarray or CSR matrix, shape (rows, features)
        The input, in the dtype of the model.
    t : ndarray, shape (rows,) or (rows, k)
        The targets of the network.
    y : ndarray
        The same as the user gave them, for scores.
    weight : ndarray, shape (rows,), or None
        What each row counts in the objective.
    score_weight : ndarray, shape (rows,), or None
        What it counts in a score: without class weights.
    """

    X: Any
    t: Any
    y: Any
    weight: Any
    score_weight: Any

    def __len__(self) -> int:
        return int(self.X.shape[0])

    def take(self, numbers: Any) -> "Rows":
        """Return some of the rows."""
        fields = (self.X, self.t, self.y, self.weight, self.score_weight)
        return Rows(*(None if field is None else field[numbers] for field in fields))


def make_trainer(estimator: Any, objective: Objective, seed: int) -> BatchTrainer:
    """Return a trainer for the estimator's model, at its first step."""
    parameters = estimator.get_params(deep=False)
    scale = objective.scale
    clip = parameters["clip_norm"]
    options = StepOptions(
        l2=objective.l2(1),  # set anew for each batch; this one says whether there is a penalty
        clip_norm=None if clip is None else clip / scale,
        schedule=parameters["schedule"],
    )
    made = make_optimizer(parameters, scale)
    trainer = BatchTrainer(
        estimator.model_._bound, objective.loss, made, options=options, seed=seed
    )
    trainer.objective = objective
    return trainer


def batch_size(given: Any, rows: int) -> int:
    """Return how many rows a batch has; as scikit-learn, 200 or all of them for ``"auto"``."""
    if given == "auto":
        return min(200, rows)
    if given > rows:
        warn(
            f"batch_size={given} is more than the {rows} rows there are; all of them make a batch",
            UserWarning,
        )
    return int(min(given, rows))


def fit_by_batches(
    estimator: Any,
    rows: Rows,
    held_out: Rows | None,
    trainer: BatchTrainer,
    *,
    epochs: int,
    seed: int,
) -> None:
    """Go through the rows batch by batch, and set what the estimator shows of it.

    Parameters
    ----------
    estimator : BaseMLP
        The estimator, with a model.
    rows : Rows
        What it learns from.
    held_out : Rows or None
        What early stopping looks at.
    trainer : BatchTrainer
        What takes the steps.
    epochs : int
        How often to go through the rows at most.
    seed : int
        The seed of their order.

    Raises
    ------
    ValueError
        If the loss becomes NaN or infinite.
    """
    model, objective = estimator.model_, trainer.objective
    size = batch_size(estimator.batch_size, len(rows))
    curves = Curves(estimator, len(rows), objective.scale)
    scores = None
    if held_out is not None:
        scores = ValidationScore(estimator, lambda: estimator._score_of(held_out))
    callbacks = _callbacks(estimator, curves, scores, trainer)
    bound = model._bound
    with bound.backend.active():
        source = make_source(
            bound,
            objective.loss,
            rows.X,
            rows.t,
            rows.weight,
            batch_size=size,
            seed=seed,
            shuffle=bool(estimator.shuffle),
        )
        fit = Fit(model, trainer, source, None, (), _logits, callbacks, epochs, seed, False)
        estimator.history_ = _run(fit)
    if curves.diverged:
        raise ValueError(
            f"the training diverged: its loss was {estimator.loss_} after epoch "
            f"{estimator.n_iter_}. Standardize X, or take a smaller learning_rate_init or "
            "clip_norm=1.0"
        )
    if scores is not None and scores.best is not None:
        bound.assign(scores.best)


def _callbacks(
    estimator: Any,
    curves: Curves,
    scores: ValidationScore | None,
    trainer: BatchTrainer,
) -> tuple[Callback, ...]:
    rate = estimator.learning_rate if estimator.solver == "sgd" else "constant"
    scale = rate_scale(estimator.solver, trainer.objective.scale)
    verbose = bool(estimator.verbose)
    found: list[Callback] = [curves]
    if scores is not None:
        found.append(scores)
    found += callbacks_of(estimator.callbacks)
    found.append(
        NoImprovement(
            estimator.tol,
            estimator.n_iter_no_change,
            best=estimator.best_loss_ if scores is None else -math.inf,
            value=_loss_of(estimator) if scores is None else _score,
            larger=scores is not None,
            before_stopping=Adaptive(scale, verbose) if rate == "adaptive" else _stop,
            verbose=verbose,
        )
    )
    if rate == "invscaling":
        found.append(InverseScaling(estimator, trainer.optimizer.lr, estimator.power_t))
    return tuple(found)


def _logits(xp: Any, z: Any) -> Any:  # noqa: ARG001 - nothing looks at predictions here
    return z


def _loss_of(estimator: Any) -> Callable[[FitRun], float]:
    return lambda run: float(estimator.loss_)  # noqa: ARG005


def _score(run: FitRun) -> float:
    return float(run.logs[SCORE])


def _stop(run: FitRun) -> bool:  # noqa: ARG001
    return False


def _run(fit: Fit) -> History | None:
    """Run a fit; Ctrl-C ends it, and the model stays as its last whole step made it."""
    try:
        return fit.run()
    except KeyboardInterrupt:
        warn(
            "training was interrupted; the model is as its last step made it",
            UserWarning,
        )
        return None


def warn_if_not_converged(estimator: Any) -> None:
    """Warn as scikit-learn does if the last epoch came before an end to improvement."""
    history = estimator.history_
    if history is not None and history.stopped is None and estimator.n_iter_ >= estimator.max_iter:
        warn(
            f"Maximum iterations (max_iter={estimator.max_iter}) reached and the optimization "
            "hasn't converged yet",
            ConvergenceWarning,
        )


def fit_by_lbfgs(estimator: Any, rows: Rows, objective: Objective) -> None:
    """Minimise the objective of all rows, and set what the estimator shows of it."""
    scale = objective.scale
    weight = len(rows) if rows.weight is None else float(rows.weight.sum())
    found = lbfgs.minimize(
        estimator.model_,
        over_rows(np.asarray, rows.X),
        rows.t,
        loss=objective.loss,
        l2=objective.l2(weight),
        sample_weight=rows.weight,
        max_iter=estimator.max_iter,
        tol=max(estimator.tol, np.finfo(np.float64).tiny) / scale,
        max_evaluations=estimator.max_fun,
        least_change=_SCIPY_FTOL,
        callback=_printer(scale) if estimator.verbose else None,
    )
    estimator.n_iter_ = found.iterations
    estimator.t_ = len(rows) * found.iterations
    estimator.loss_ = scale * found.objective
    estimator.loss_curve_ += [scale * value for value in found.objectives[1:]]
    estimator.best_loss_ = min(estimator.best_loss_, estimator.loss_)
    estimator.history_ = None
    if not found.converged:
        warn(
            f"lbfgs has not converged after {found.iterations} iterations ({found.message}); "
            "increase max_iter or max_fun, or standardize X",
            ConvergenceWarning,
        )


def _printer(scale: float) -> Any:
    def show(iteration: lbfgs.Iteration) -> None:
        print(f"Iteration {iteration.number}, loss = {scale * iteration.objective:.8f}")

    return show
