"""What a model learns with: trainer, fit, evaluate, and the statistics of its input."""

from collections.abc import Sequence
from typing import Any

from mlpcore.batch import Batch, take
from mlpcore.checks import whole_number
from mlpcore.model_base import Model
from mlpcore.nn.losses import Loss, LossSpec, check_output, default_for_output
from mlpcore.nn.losses import loss as resolve_loss
from mlpcore.optim import OptimizerSpec
from mlpcore.optim import optimizer as resolve_optimizer
from mlpcore.training.evaluate import evaluate
from mlpcore.training.fit import fit
from mlpcore.training.history import History
from mlpcore.training.metrics import resolve_metrics
from mlpcore.training.standardize import adapt
from mlpcore.training.trainer import Trainer
from mlpcore.training.warm_up import warm_up


class TrainableModel(Model):
    """A model that training changes."""

    def _loss(self, spec: LossSpec | None) -> Loss:
        name = self.network.output.name
        chosen = resolve_loss(default_for_output(name) if spec is None else spec)
        check_output(chosen, name)
        return chosen

    def trainer(
        self,
        loss: LossSpec | None = None,
        optimizer: OptimizerSpec = "adam",
        lr: float | None = None,
        *,
        l2: float = 0.0,
        seed: int | None = None,
    ) -> Trainer:
        """Return a trainer whose ``step(x, t)`` changes this model.

        Parameters
        ----------
        loss : str, Loss or function, optional
            The data loss; by default the one that belongs to `output`.
        optimizer : str or Optimizer
            ``"sgd"``, ``"momentum"``, ``"nesterov"``, ``"adam"``, or one with settings of its own.
        lr : float, optional
            The learning rate; by default the optimizer's own.
        l2 : float
            λ of the penalty λ/2 ΣW².
        seed : int, optional
            The seed of whatever a step draws; by default the model's.

        Raises
        ------
        ValueError
            If a name or setting is unknown, or the loss does not belong to the model's output.
        """
        return Trainer(
            self._bound,
            self._loss(loss),
            resolve_optimizer(optimizer),
            lr=lr,
            l2=l2,
            seed=self.seed if seed is None else whole_number(seed, "seed", 0),
        )

    def fit(
        self,
        x: Any,
        t: Any,
        *,
        epochs: int = 10,
        batch_size: int = 32,
        loss: LossSpec | None = None,
        optimizer: OptimizerSpec = "adam",
        lr: float | None = None,
        l2: float = 0.0,
        sample_weight: Any = None,
        validation_data: tuple[Any, Any] | None = None,
        metrics: Sequence[str] | str | None = None,
        shuffle: bool = True,
        seed: int | None = None,
        progress: bool | None = None,
    ) -> History:
        """Train on minibatches and return what happened in each epoch.

        There is no training mode to switch: `fit` and `trainer` train, everything else predicts.
        Ctrl-C raises KeyboardInterrupt and leaves the model as its last whole step made it.

        Parameters
        ----------
        x : array, shape (rows, features)
            The input.
        t : array
            The targets, as for `value_and_grad`.
        epochs : int
            How often to go through the data.
        batch_size : int
            How many rows a step takes; the last step of an epoch may take fewer.
        loss, optimizer, lr, l2
            As for `trainer`.
        sample_weight : array, shape (rows,), optional
            The weight of each row in the loss.
        validation_data : pair of arrays, optional
            (x, t) to evaluate after each epoch.
        metrics : sequence of str, optional
            Names out of ``accuracy``, ``binary_accuracy``, ``mae``, ``rmse``, ``r2``; by default
            the accuracy that belongs to a classification loss.
        shuffle : bool
            Whether to draw a new order of the rows in each epoch.
        seed : int, optional
            The seed of those orders; by default the model's.
        progress : bool, optional
            Whether to show a progress bar; by default only on a terminal.

        Returns
        -------
        History
            The curves.

        Raises
        ------
        TypeError, ValueError
            If something does not fit; nothing is changed then.
        """
        trainer = self.trainer(loss, optimizer, lr, l2=l2, seed=seed)
        return fit(
            trainer,
            x,
            t,
            epochs=epochs,
            batch_size=batch_size,
            seed=self.seed if seed is None else whole_number(seed, "seed", 0),
            shuffle=shuffle,
            sample_weight=sample_weight,
            validation_data=validation_data,
            metrics=resolve_metrics(metrics, trainer.loss),
            progress=progress,
        )

    def evaluate(
        self,
        x: Any,
        t: Any,
        *,
        loss: LossSpec | None = None,
        metrics: Sequence[str] | str | None = None,
        sample_weight: Any = None,
    ) -> dict[str, float]:
        """Return the data loss and the metrics on `x` and `t`; arguments as for `fit`."""
        chosen = self._loss(loss)
        names = resolve_metrics(metrics, chosen)
        return evaluate(self._bound, x, t, loss=chosen, metrics=names, sample_weight=sample_weight)

    def warmup(
        self,
        rows: int | Sequence[int] | None = None,
        *,
        loss: LossSpec | None = None,
        optimizer: OptimizerSpec = "adam",
    ) -> None:
        """Compile and load now what predictions and training steps would otherwise wait for.

        Kernels that this machine has compiled before are loaded from the cache folder.  On a GPU
        those that prediction and its gradient need are compiled.  Rows of zeros are predicted and
        differentiated for it; nothing of the model changes, and no `on_layer` callback is called.

        Parameters
        ----------
        rows : int or sequence of int, optional
            The batch sizes to prepare; by default 1 and 32, which suffices to have all kernels.
            Naming those that come makes their first calls on this thread find memory and worker
            threads ready, too.
        loss, optimizer
            What training will use, as for `trainer`.

        Raises
        ------
        TypeError, ValueError
            If `rows` is below 1 or no whole number, or a name or setting is unknown.
        """
        given = (1, 32) if rows is None else rows if isinstance(rows, Sequence) else (rows,)
        counts = [whole_number(count, "rows", 1) for count in given]
        output = self.network.output
        warm_up(self._bound, output, counts, self._loss(loss), resolve_optimizer(optimizer))

    def adapt(self, x: Any) -> None:
        """Set the mean and scale of a ``standardize=True`` model from the columns of `x`.

        A constant column gets the scale 1, so that it comes out as zero.

        Parameters
        ----------
        x : array, shape (..., features)
            The data, at least one row.

        Raises
        ------
        ValueError
            If the model does not begin with a standardisation, or `x` has no rows or holds NaN or
            an infinity.
        """
        with self._bound.backend.active():
            adapt(self._bound, self._take(x).rows)

    def _take(self, x: Any) -> Batch:
        bound = self._bound
        return take(bound.backend, x, bound.program.in_features, self._dtype)
