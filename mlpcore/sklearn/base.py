"""What the classifier and the regressor have in common: parameters, fit, and the state of both."""

import math
from abc import ABC, abstractmethod
from functools import partial
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from mlpcore.model import MLP
from mlpcore.nn.losses import check_output
from mlpcore.sklearn.arrays import LayerArrays
from mlpcore.sklearn.fitting import (
    Rows,
    fit_by_batches,
    fit_by_lbfgs,
    make_trainer,
    warn_if_not_converged,
)
from mlpcore.sklearn.held_out import divide
from mlpcore.sklearn.inputs import ACCEPTED, in_dtype, over_rows
from mlpcore.sklearn.objective import BatchTrainer, Objective
from mlpcore.sklearn.parameters import (
    ACTIVATIONS,
    check_parameters,
    hidden_widths,
    resolve_activation,
)

_OUT_ACTIVATIONS = {ours: theirs for theirs, ours in ACTIVATIONS.items()}

_CHECKED = {
    "accept_sparse": ACCEPTED,
    "dtype": (np.float64, np.float32),
    "ensure_all_finite": False,  # `in_dtype` looks, and says where
}
"""What scikit-learn checks of X."""


def goes_by_batches(estimator: Any) -> bool:
    """Return True, or raise AttributeError if the solver needs all rows at once."""
    if estimator.solver == "lbfgs":
        raise AttributeError(
            "partial_fit needs a solver that goes by batches; solver='lbfgs' does not"
        )
    return True


class BaseMLP(LayerArrays, BaseEstimator, ABC):  # type: ignore[misc]  # sklearn has no types
    """What the classifier and the regressor have in common; see those for the parameters."""

    model_: MLP
    best_loss_: float
    _trainer: BatchTrainer

    @abstractmethod
    def _take_targets(self, y: Any, *, first: bool, incremental: bool, classes: Any) -> Any:
        """Return `y`, checked, as the user's targets; at first also learn what they are."""

    @abstractmethod
    def _encode(self, y: Any, dtype: Any) -> Any:
        """Return the targets of the network; `dtype` is that of the model."""

    @abstractmethod
    def _outputs(self) -> tuple[int, str]:
        """Return how many logits the network has, and its output."""

    @abstractmethod
    def _objective(self) -> Objective:
        """Return what is minimised."""

    @abstractmethod
    def _class_weights(self, y: Any, *, incremental: bool) -> Any:
        """Return what the class of each row makes it count, or None."""

    @abstractmethod
    def _strata(self, y: Any) -> Any:
        """Return the class of each row where it has one, or None."""

    @abstractmethod
    def _score_of(self, rows: Rows) -> float:
        """Return the score on checked rows."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from data.

        Parameters
        ----------
        X : array or sparse matrix, shape (rows, features)
            The input; a frame of pandas or polars, too.
        y : array, shape (rows,) or (rows, outputs)
            The targets: labels of any kind, or numbers.
        sample_weight : array, shape (rows,), optional
            What each row counts in the objective, and in validation scores.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            If a parameter or something of the data does not fit, a number is NaN or infinite (the
            message says in which row and column), or the training diverges.

        Warns
        -----
        ConvergenceWarning
            If `max_iter` ends it.
        """
        return self._fit(X, y, sample_weight, incremental=False)

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, *, incremental: bool, classes: Any = None
    ) -> Self:
        parameters = self.get_params(deep=False)
        check_parameters(parameters)
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        first = not hasattr(self, "model_") or not (self.warm_start or incremental)
        X, y = self._checked(X, y, first=first)
        y = self._take_targets(y, first=first, incremental=incremental, classes=classes)
        random = check_random_state(self.random_state)
        seed = int(random.randint(np.iinfo(np.int32).max))
        if first:
            self._begin(X, seed)
        else:
            self._check_same_network(X)
        rows = self._rows(X, y, sample_weight, incremental=incremental)
        objective = self._objective()
        self.n_iter_ = 0
        if self.solver == "lbfgs":
            fit_by_lbfgs(self, rows, objective)
            return self
        held = None
        if self.early_stopping:
            numbers = divide(len(rows), self.validation_fraction, self._strata(y), random)
            rows, held = rows.take(numbers[0]), rows.take(numbers[1])
        self._train(rows, held, objective, seed, incremental=incremental)
        return self

    def _train(
        self, rows: Rows, held: Rows | None, objective: Objective, seed: int, *, incremental: bool
    ) -> None:
        if not (incremental and hasattr(self, "_trainer")):
            self._trainer = make_trainer(self, objective, seed)
            saved = self.__dict__.pop("_trainer_state", None)
            if incremental and saved is not None:
                self._trainer.load_state(saved)
        # Each call of partial_fit has an order of its own, which the seed and the rows so far give.
        order = np.random.SeedSequence([seed, self.t_]).generate_state(1, np.uint64)
        epochs = 1 if incremental else self.max_iter
        trainer = self._trainer
        try:
            fit_by_batches(self, rows, held, trainer, epochs=epochs, seed=int(order[0] >> 1))
        finally:
            if not incremental:
                del self._trainer
        if held is None:
            self.best_loss_ = min([self.best_loss_, *self.loss_curve_[-max(self.n_iter_, 1) :]])
        if not incremental:
            warn_if_not_converged(self)

    def _checked(self, X: Any, y: Any, *, first: bool) -> tuple[Any, Any]:
        """Return X and y with every check that does not depend on what y means."""
        X, y = validate_data(
            self,
            X,
            y,
            multi_output=True,
            y_numeric=self._y_numeric,
            reset=first,
            **_CHECKED,
        )
        X = in_dtype(X, self._dtype_for(X, first=first))
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y

    _y_numeric = False

    _first_scale = 1.0
    """The factor of the last layer's initial weights."""

    def _dtype_for(self, X: Any, *, first: bool) -> Any:
        if not first:
            return self.model_.dtype
        if isinstance(self.dtype, str) and self.dtype == "auto":
            return X.dtype
        return np.dtype(self.dtype)

    def _begin(self, X: Any, seed: int) -> None:
        """Make a network, and forget what was before."""
        outputs, output = self._outputs()
        self.model_ = MLP(
            self._sizes(X.shape[1]),
            resolve_activation(self.activation),
            output,
            initializer=self.initializer,
            norm=self.norm,
            residual=self.residual,
            dropout=self.dropout,
            dtype=X.dtype,
            device=self.device,
            seed=seed,
            num_threads=self.num_threads,
        )
        check_output(self._objective().loss, output)
        if self._first_scale != 1 and self.initializer == "auto":
            coefs = self.coefs_
            self.coefs_ = [*coefs[:-1], self._first_scale * coefs[-1]]
        for name in ("_trainer", "_trainer_state"):
            self.__dict__.pop(name, None)
        self.n_outputs_ = outputs
        self.n_layers_ = len(self.model_.network.widths)
        self.out_activation_ = _OUT_ACTIVATIONS.get(output, output)
        self.t_ = 0
        self.loss_curve_: list[float] = []
        self.best_loss_ = math.inf
        early = self.early_stopping and self.solver != "lbfgs"
        self.validation_scores_: list[float] | None = [] if early else None
        self.best_validation_score_ = -math.inf if early else None

    def _sizes(self, features: int) -> list[int]:
        outputs, _ = self._outputs()
        return [features, *hidden_widths(self.hidden_layer_sizes), outputs]

    def _check_same_network(self, X: Any) -> None:
        asked = self._sizes(X.shape[1])
        found = list(self.model_.network.widths)
        if asked != found:
            raise ValueError(
                f"warm_start and partial_fit go on with the network there is, of widths {found}, "
                f"but now {asked} are asked for; set warm_start=False to begin anew"
            )
        if self.early_stopping and self.validation_scores_ is None:
            self.validation_scores_, self.best_validation_score_ = [], -math.inf

    def _rows(self, X: Any, y: Any, sample_weight: Any, *, incremental: bool) -> Rows:
        given = None
        if sample_weight is not None:
            given = _check_sample_weight(sample_weight, X, dtype=X.dtype, ensure_non_negative=True)
            if not given.any():
                raise ValueError(
                    "all sample weights are zero (sample_weight is 0 in each row), so there is "
                    "nothing to learn from"
                )
        by_class = self._class_weights(y, incremental=incremental)
        weight = given
        if by_class is not None:
            weight = by_class.astype(X.dtype) * (1 if given is None else given)
        return Rows(X, self._encode(y, X.dtype), y, weight, given)

    # Prediction.

    def _predicted(self, X: Any) -> Any:
        """Return what the network predicts for unchecked input, shape (rows, outputs)."""
        return self._predict_rows(self._checked_input(X))

    def _checked_input(self, X: Any) -> Any:
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, **_CHECKED)
        return in_dtype(X, self.model_.dtype)

    def _predict_rows(self, X: Any) -> Any:
        return over_rows(self.model_.predict, X)

    def _logits(self, X: Any) -> Any:
        """Return the logits for unchecked input, shape (rows, outputs)."""
        X = self._checked_input(X)
        return over_rows(partial(self.model_.forward, cache=False), X)

    # The state: arrays and plain values, and the user's own parameters.

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())
        trainer = state.pop("_trainer", None)
        if trainer is not None:
            state["_trainer_state"] = trainer.state_dict()
        return state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


partial_fit_available = available_if(goes_by_batches)
