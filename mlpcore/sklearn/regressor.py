"""The regressor."""

from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score

from mlpcore.nn.losses import Loss
from mlpcore.nn.losses import loss as resolve_loss
from mlpcore.sklearn.base import BaseMLP, partial_fit_available
from mlpcore.sklearn.fitting import Rows
from mlpcore.sklearn.inputs import in_dtype
from mlpcore.sklearn.objective import Objective


class MLPRegressor(RegressorMixin, BaseMLP):  # type: ignore[misc]  # sklearn has no types
    r"""A multilayer perceptron that predicts numbers, with scikit-learn's interface.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default (100,)
        The widths of the hidden layers; ``()`` for none.
    activation : str, Activation, pair of functions, or list of these, default "relu"
        What follows each hidden layer: ``"identity"``, ``"logistic"``, ``"tanh"``, ``"relu"``, or
        any other that `mlpcore.activation` knows, such as ``"gelu"``.
    solver : str, default "adam"
        ``"adam"``, ``"sgd"`` and ``"lbfgs"`` as in scikit-learn; ``"adamw"``, ``"nadam"``,
        ``"radam"``, ``"rmsprop"``, ``"adagrad"``, ``"adadelta"``, ``"lion"``.  ``"lbfgs"`` is
        SciPy's, in float64 on all rows at once.
    alpha : float, default 0.0001
        α of the penalty; see the notes.
    batch_size : int or "auto", default "auto"
        How many rows a step takes; ``"auto"`` is the smaller of 200 and all of them.
    learning_rate : {"constant", "invscaling", "adaptive"}, default "constant"
        With ``solver="sgd"``: how the rate goes on.  ``"invscaling"`` divides it by (t + 1)ᵖ, with
        the t rows seen so far and p = `power_t`; ``"adaptive"`` divides it by 5 whenever the fit
        would else stop, down to 1e-6.
    learning_rate_init : float, default 0.001
        The rate at first, of any solver but ``"lbfgs"``.
    power_t : float, default 0.5
        See `learning_rate`.
    max_iter : int, default 200
        How many epochs there are at most, or iterations of L-BFGS.
    shuffle : bool, default True
        Whether each epoch goes through the rows in an order of its own.
    random_state : int, RandomState or None, default None
        What initial weights, orders, dropout and the choice of validation rows come from.
    tol : float, default 0.0001
        By how much loss or validation score must get better; for L-BFGS, the largest slope at which
        it ends.
    verbose : bool, default False
        Whether to print a line for each epoch.
    warm_start : bool, default False
        Whether `fit` goes on with the network there is.
    momentum, nesterovs_momentum : float, bool, default 0.9, True
        With ``solver="sgd"``.
    early_stopping : bool, default False
        Whether to hold rows out, to stop when their score gets no better, and to end with the
        parameters of the best epoch.
    validation_fraction : float, default 0.1
        The part of the rows for that.  Classes give their share.
    beta_1, beta_2, epsilon : float, default 0.9, 0.999, 1e-8
        With ``solver="adam"`` and its relatives.
    n_iter_no_change : int or inf, default 10
        For how many epochs in a row `tol` may be missed.
    max_fun : int, default 15000
        How many passes over the rows L-BFGS may make.
    loss : str, Loss or function, default "squared_error"
        ``"squared_error"`` and ``"poisson"`` as in scikit-learn, or another loss of `mlpcore.loss`,
        such as ``"mae"`` or ``"huber"``; of those J is α-penalised in the same way.
        ``"poisson"`` takes y >= 0, and predicts e^z of the last layer z.
    dtype : {"auto", "float32", "float64"}, default "auto"
        In which numbers it computes.  ``"auto"`` is that of X, as in scikit-learn: float32 for
        float32, float64 for all else.  float32 takes about half the time.
    device : str or Device, optional
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``; without it, what `mlpcore` finds.
    num_threads : int, optional
        How many threads of the CPU it uses.
    initializer, norm, residual, dropout
        As for `mlpcore.MLP`.
    clip_norm : float, optional
        The gradient of the objective is scaled to this norm where its own is larger.
    schedule : callable, optional
        ``schedule(step)`` is the factor of the rate in a step: see `mlpcore.optim.schedules`.
    solver_settings : dict, optional
        Further settings of the optimizer, such as ``{"weight_decay": 0.01}`` of ``"adamw"``.
    callbacks : sequence of Callback, or one, optional
        Who watches: see `mlpcore.callbacks`.  The curves are ``loss`` and ``objective``, and
        ``validation_score`` with early stopping.

    Attributes
    ----------
    coefs_, intercepts_ : list of ndarray
        The weights (in, out) and biases (out,) of each layer.  What is assigned to them, or written
        into them on a CPU, the next prediction sees.
    loss_ : float
        J in the last epoch: the mean over its steps, each taken before it changed the weights.
    best_loss_ : float
        The smallest of `loss_curve_`; infinity with early stopping.
    loss_curve_ : list of float
        J in each epoch, over all calls of `partial_fit` and warm starts.
    validation_scores_ : list of float or None
        The score on the validation rows after each epoch.
    best_validation_score_ : float or None
        The best of them.
    n_iter_ : int
        How many epochs, or iterations, the last call made.
    t_ : int
        How many rows steps were taken on.
    n_layers_ : int
        How many layers there are, input and output included.
    n_outputs_ : int
        How many outputs the network has.
    out_activation_ : str
        What makes predictions of the last layer.
    n_features_in_ : int
        How many columns X has.
    feature_names_in_ : ndarray of str
        Their names, where X was a frame.
    model_ : MLP
        The network.
    history_ : History or None
        What its fit returned; None for L-BFGS, and where Ctrl-C ended it.

    Notes
    -----
    The objective is scikit-learn's: for a batch of rows with weights :math:`w_i`, or 1,

    .. math:: J = \frac{1}{\sum_i w_i} \left(\sum_i w_i \sum_k l_{ik}
        + \frac{\alpha}{2} \sum_W \lVert W \rVert^2\right)

    with half the squared error :math:`l_{ik}` of output k.  (scikit-learn shows half the mean over
    outputs as its `loss_`, but descends the gradient of their sum, which is what is shown here.)
    With ``loss="poisson"`` it is e^z - y z, half the Poisson deviance without y log y - y, which
    depends on no weight; scikit-learn adds that to what it shows.
    α counts against the rows of a batch: with a batch twice as large the penalty weighs half as
    much.  Biases and norms are not penalised.

    Initial weights and the orders of the rows are drawn in another way than scikit-learn's, so that
    the same `random_state` gives another network; on one machine the same call gives the same bits.
    With ``initializer="auto"`` the last layer begins with a tenth of the weights that an `MLP` has,
    so that the first predictions are near 0.

    It can be pickled and copied: its state holds arrays and plain values besides the parameters,
    and `partial_fit` goes on with the same bits.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_diabetes(return_X_y=True)
    >>> regressor = MLPRegressor((16,), solver="lbfgs", alpha=10, max_iter=400, random_state=0)
    >>> bool(regressor.fit(scale(X), y).score(scale(X), y) > 0.5)
    True
    """

    _y_numeric = True

    # First predictions near 0, and not a random function as large as the targets, which would have
    # to be unlearnt first: diabetes is learnt in a third of the epochs.
    _first_scale = 0.1

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        loss: Any = "squared_error",
        dtype: Any = "auto",
        device: Any = None,
        num_threads: int | None = None,
        initializer: Any = "auto",
        norm: Any = None,
        residual: bool = False,
        dropout: Any = 0.0,
        clip_norm: float | None = None,
        schedule: Any = None,
        solver_settings: Any = None,
        callbacks: Any = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.loss = loss
        self.dtype = dtype
        self.device = device
        self.num_threads = num_threads
        self.initializer = initializer
        self.norm = norm
        self.residual = residual
        self.dropout = dropout
        self.clip_norm = clip_norm
        self.schedule = schedule
        self.solver_settings = solver_settings
        self.callbacks = callbacks

    @partial_fit_available  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Go through some rows once; the optimizer goes on where the last call left it.

        Parameters
        ----------
        X : array or sparse matrix, shape (rows, features)
            The input.
        y : array, shape (rows,) or (rows, outputs)
            The targets.
        sample_weight : array, shape (rows,), optional
            What each row counts.

        Returns
        -------
        self

        Raises
        ------
        AttributeError
            With ``solver="lbfgs"``.
        ValueError
            As `fit`.
        """
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> Any:
        """Return the prediction for each row, shape (rows,) or (rows, outputs)."""
        return self._shaped(self._predicted(X))

    def _shaped(self, p: Any) -> Any:
        return p[:, 0] if self.n_outputs_ == 1 else p

    def _objective(self) -> Objective:
        if self.loss == "squared_error":
            return Objective(resolve_loss("mse"), self._columns / 2, self.alpha)
        loss = resolve_loss(self.loss)
        return Objective(loss, self._columns if _counts(loss) else 1.0, self.alpha)

    def _begin(self, X: Any, seed: int) -> None:
        super()._begin(X, seed)
        if _counts(self._objective().loss):
            self.out_activation_ = "exp"

    def _check_same_network(self, X: Any) -> None:
        if _counts(self._objective().loss) != (self.out_activation_ == "exp"):
            raise ValueError(
                "loss='poisson' predicts e^z of the last layer z, and every other loss z itself: "
                "warm_start and partial_fit cannot go on from one to the other; set "
                "warm_start=False and call fit to begin anew"
            )
        super()._check_same_network(X)

    def _predict_rows(self, X: Any) -> Any:
        z = super()._predict_rows(X)
        if self.out_activation_ != "exp":
            return z
        with np.errstate(over="ignore"):
            return np.exp(z)

    def _take_targets(self, y: Any, *, first: bool, incremental: bool, classes: Any) -> Any:  # noqa: ARG002
        columns = 1 if y.ndim == 1 else y.shape[1]
        if first:
            self._columns = columns
        elif columns != self._columns:
            raise ValueError(f"y has {columns} columns, but the first time it had {self._columns}")
        return y

    def _encode(self, y: Any, dtype: Any) -> Any:
        if _counts(self._objective().loss) and (y < 0).any():
            raise ValueError(f"y has {y.min():g} in it, but loss='poisson' is of counts, from 0 up")
        return in_dtype(y, dtype, "y")

    def _outputs(self) -> tuple[int, str]:
        return self._columns, "identity"

    def _class_weights(self, y: Any, *, incremental: bool) -> Any:  # noqa: ARG002
        return None

    def _strata(self, y: Any) -> Any:  # noqa: ARG002
        return None

    def _score_of(self, rows: Rows) -> float:
        found = self._shaped(self._predict_rows(rows.X))
        return float(r2_score(rows.y, found, sample_weight=rows.score_weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _counts(loss: Loss) -> bool:
    """Return whether the last layer has the logarithms of what is predicted."""
    return loss.expects == "counts"
