"""What a model learns with: a trainer, and the statistics of its input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlpcore.batch import Batch, take
from mlpcore.checks import whole_number
from mlpcore.lazy_imports import importing, lazy_module
from mlpcore.model_base import Model

if TYPE_CHECKING:
    from mlpcore import optim, training
    from mlpcore.backends import recompute
    from mlpcore.nn import losses
    from mlpcore.training import step_options
else:
    losses = lazy_module("mlpcore.nn.losses")
    optim = lazy_module("mlpcore.optim")
    recompute = lazy_module("mlpcore.backends.recompute")
    step_options = lazy_module("mlpcore.training.step_options")
    training = lazy_module("mlpcore.training")


class TrainableModel(Model):
    """A model that training changes."""

    def _loss(self, spec: losses.LossSpec | None) -> losses.Loss:
        name = self.network.output.name
        chosen = losses.loss(losses.default_for_output(name) if spec is None else spec)
        losses.check_output(chosen, name)
        return chosen

    def trainer(
        self,
        loss: losses.LossSpec | None = None,
        optimizer: optim.OptimizerSpec = "adam",
        lr: float | None = None,
        *,
        l2: float = 0.0,
        l1: float = 0.0,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        schedule: step_options.Schedule | None = None,
        groups: Sequence[training.Group] | None = None,
        accumulate: int = 1,
        average: training.Average | None = None,
        on_nan: step_options.OnNaN = "ignore",
        checkpoint_segments: recompute.Segments | None = None,
        seed: int | None = None,
    ) -> training.Trainer:
        """Return a trainer whose ``step(x, t)`` changes this model.

        Parameters
        ----------
        loss : str, Loss or function, optional
            The data loss; by default the one that belongs to `output`.
        optimizer : str or Optimizer
            ``"sgd"``, ``"momentum"``, ``"nesterov"``, ``"adam"``, or one with settings of its own.
        lr : float, optional
            The learning rate; by default the optimizer's own.
        l2, l1 : float
            λ₂ and λ₁ of the penalty λ₂/2 ΣW² + λ₁ Σ|W|, which counts weights only.
        clip_value : float, optional
            Each element of the gradient is brought into [-clip_value, clip_value].
        clip_norm : float, optional
            Then the gradient, as one vector of all parameters, is scaled to this Euclidean norm if
            its own is larger; ``trainer.gradient_norm`` tells what that was.
        schedule : callable, optional
            ``schedule(step)``, for step 0, 1, ..., is the factor of `lr` in an update, as the
            functions of `mlpcore.optim.schedules` return it.
        groups : sequence of Group, optional
            Rates, penalties and freezing of parameters by name.
        accumulate : int
            How many calls of ``step`` make one update: with the gradient of all their rows as if
            they were one batch.
        average : Average, optional
            What `ema` or `swa` returns: the average of the parameters that the trainer keeps.
        on_nan : {"ignore", "raise", "skip"}
            Whether a step whose objective, gradient or new running statistics are NaN or infinite
            is taken as any other, raises FloatingPointError that names the layer, or changes
            nothing.  Looking for it makes every step wait for a GPU.
        checkpoint_segments : int or "auto", optional
            In how many groups of layers a step goes, of which it keeps the results alone: what its
            way back needs is computed again.  With ``"auto"``, √L for L layers, memory grows with
            √L.  The gradients have the same bits.
        seed : int, optional
            The seed of whatever a step draws; by default the model's.

        Raises
        ------
        TypeError, ValueError
            If a name or setting is unknown or out of range, the loss does not belong to the model's
            output, or a group matches no parameter.
        """
        options = step_options.StepOptions(
            l2=l2,
            l1=l1,
            clip_value=clip_value,
            clip_norm=clip_norm,
            schedule=schedule,
            groups=groups,
            accumulate=accumulate,
            average=average,
            on_nan=on_nan,
            checkpoint_segments=checkpoint_segments,
        )
        seed = self.seed if seed is None else whole_number(seed, "seed", 0)
        return self._trainer(self._loss(loss), optimizer, lr, options, seed)

    def _trainer(
        self,
        loss: losses.Loss,
        optimizer: optim.OptimizerSpec,
        lr: float | None,
        options: step_options.StepOptions,
        seed: int,
    ) -> training.Trainer:
        return training.Trainer(
            self._bound,
            loss,
            optim.optimizer(optimizer),
            lr=lr,
            options=options,
            seed=seed,
        )

    def warmup(
        self,
        rows: int | Sequence[int] | None = None,
        *,
        loss: losses.LossSpec | None = None,
        optimizer: optim.OptimizerSpec = "adam",
    ) -> None:
        """Compile and load now what predictions and training steps would otherwise wait for.

        Kernels that this machine has compiled before are loaded from the cache folder.  Rows of
        zeros are predicted and differentiated for it, and parameters of no model updated; nothing
        of the model changes, and no `on_layer` callback is called.  On a GPU what only weights of
        samples need is compiled at the first step that has them.

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
        with importing():
            from mlpcore.training.warm_up import warm_up
        output = self.network.output
        warm_up(self._bound, output, counts, self._loss(loss), optim.optimizer(optimizer))

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
        with importing():
            from mlpcore.training.standardize import adapt
        with self._bound.backend.active():
            adapt(self._bound, self._take(x).rows)

    def _take(self, x: Any) -> Batch:
        bound = self._bound
        return take(bound.backend, x, bound.program.in_features, self._dtype)
