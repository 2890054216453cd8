"""What a model learns from data: fit and evaluate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlpcore.checks import whole_number
from mlpcore.lazy_imports import importing, lazy_module
from mlpcore.model_training import TrainableModel

if TYPE_CHECKING:
    from mlpcore import callbacks, optim, training
    from mlpcore.backends import recompute
    from mlpcore.io import atomic
    from mlpcore.nn import losses
    from mlpcore.training import class_weight, metrics, step_options
else:
    atomic = lazy_module("mlpcore.io.atomic")
    callbacks = lazy_module("mlpcore.callbacks")
    class_weight = lazy_module("mlpcore.training.class_weight")
    losses = lazy_module("mlpcore.nn.losses")
    metrics = lazy_module("mlpcore.training.metrics")
    optim = lazy_module("mlpcore.optim")
    recompute = lazy_module("mlpcore.backends.recompute")
    step_options = lazy_module("mlpcore.training.step_options")
    training = lazy_module("mlpcore.training")


class FittableModel(TrainableModel):
    """A model that is trained on data as a whole."""

    def fit(
        self,
        x: Any,
        t: Any = None,
        *,
        epochs: int = 10,
        batch_size: int = 32,
        loss: losses.LossSpec | None = None,
        optimizer: optim.OptimizerSpec = "adam",
        lr: float | None = None,
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
        sample_weight: Any = None,
        class_weight: class_weight.ClassWeight | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        metrics: Sequence[metrics.MetricSpec] | metrics.MetricSpec | None = None,
        callbacks: Sequence[callbacks.Callback] | callbacks.Callback | None = (),
        shuffle: bool = True,
        steps_per_epoch: int | None = None,
        seed: int | None = None,
        resume_from: training.Snapshot | atomic.StrPath | None = None,
        progress: bool | None = None,
    ) -> training.History:
        """Train on minibatches and return what happened in each epoch.

        There is no training mode to switch: `fit` and `trainer` train, everything else predicts.
        Ctrl-C raises KeyboardInterrupt and leaves the model as its last whole step made it; so does
        an error in a callback, or in what makes the batches.

        Parameters
        ----------
        x : array, shape (rows, features); or batches
            The input.  A `numpy.memmap` is read batch by batch, in a thread, and never as a whole.
            Without `t` it is an iterable of batches (x, t) or (x, t, sample_weight), or a function
            that returns one: it is called for each pass, with the number of the pass, counted from
            0, if it takes an argument.  Items by number and a length will do, as a Sequence of
            Keras has them; its ``on_epoch_end`` is called between passes.
        t : array, optional
            The targets, as for `value_and_grad`.
        epochs : int
            How often to go through the data.
        batch_size : int
            How many rows of arrays a step takes; the last step of an epoch may take fewer.
        loss, optimizer, lr
            As for `trainer`.
        l2, l1, clip_value, clip_norm, schedule, groups, on_nan, checkpoint_segments
            As for `trainer`.
        accumulate : int
            How many minibatches make one update; those left at the end of an epoch make one, too.
        average : Average, optional
            What `ema` or `swa` returns: the average is validated after each epoch, and the model
            has it at the end.  Running statistics that fit it are taken of up to 8192 rows of
            the data.
        sample_weight : array, shape (rows,), optional
            The weight of each row in the loss.
        class_weight : "balanced", mapping or sequence, optional
            The weight of each class in the loss, also in that of validation; it multiplies
            `sample_weight`.  ``"balanced"`` weighs class c by n / (k n_c) for n rows in k classes,
            counted in all of `t`.
        validation_split : float
            The part of the rows to hold out and evaluate after each epoch, drawn with the seed.  Of
            class labels every class gives its share.
        validation_data : tuple (x, t) or (x, t, sample_weight), or batches, optional
            What to evaluate after each epoch instead.
        metrics : str, callable, Metric, or a sequence of these, optional
            ``accuracy``, ``top_3_accuracy`` (or any number), ``binary_accuracy``, ``precision``,
            ``recall``, ``f1`` and the same with ``_macro``, ``roc_auc``, ``mae``, ``rmse``, ``r2``,
            or a function ``(y, t) -> number`` of predictions and targets; by default the accuracy
            that belongs to a classification loss.  Each is told from all rows of an epoch together.
        callbacks : sequence of Callback, or one
            Who watches and may stop it: see `mlpcore.callbacks`.
        shuffle : bool
            Whether to draw a new order of the rows in each pass over arrays.
        steps_per_epoch : int, optional
            How many minibatches make an epoch; by default one pass.  The next epoch goes on where
            the last one stopped.
        seed : int, optional
            The seed of those orders, and of what steps draw; by default the model's.
        resume_from : path or Snapshot, optional
            A checkpoint, written by `mlpcore.callbacks.Checkpoint` in a fit with the same arguments
            and callbacks, to go on with; `epochs` counts those before it, and may be another.  The
            end has the bits that it would have without interruption.  Batches of the user's own are
            made again and passed over: they have to be the same.
        progress : bool, optional
            Whether to show a progress bar; by default only on a terminal.

        Returns
        -------
        History
            The curves.

        Raises
        ------
        TypeError, ValueError
            If something does not fit, or a number on the host is NaN or infinite.  Of arrays all is
            checked before the first step; of batches, and of rows of memory maps, when they come.
        ModelFileError, OSError
            If the file to resume from is damaged or no checkpoint, or cannot be read.

        Warns
        -----
        RuntimeWarning
            Once, if the loss becomes NaN or infinite.
        UserWarning
            If all labels are of one class.
        """
        epochs = whole_number(epochs, "epochs", 0)
        with importing():
            from mlpcore.callbacks.given import callbacks_of
            from mlpcore.training.class_weight import weigh_classes
            from mlpcore.training.fit import Fit
            from mlpcore.training.fit_settings import fit_settings
            from mlpcore.training.metrics import resolve_metrics
            from mlpcore.training.sources.check import CheckBatch
            from mlpcore.training.sources.choose import Choice
        watching = callbacks_of(callbacks)
        seed = self.seed if seed is None else whole_number(seed, "seed", 0)
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
        outputs = self._bound.program.out_features
        chosen, row_weight = weigh_classes(self._loss(loss), class_weight, t, outputs)
        trainer = self._trainer(chosen, optimizer, lr, options, seed)
        found = resolve_metrics(metrics, chosen)
        check = CheckBatch(self._bound, chosen, found, row_weight)
        choice = Choice(
            check,
            batch_size=batch_size,
            seed=seed,
            shuffle=shuffle,
            steps=steps_per_epoch,
            validation_split=validation_split,
            validation_data=validation_data,
            epochs=epochs,
        )
        with self._bound.backend.active():
            source, kept_out = choice.sources(x, t, sample_weight)
            return Fit(
                self,
                trainer,
                source,
                kept_out,
                found,
                self._output,
                watching,
                epochs,
                seed,
                progress,
                fit_settings(
                    trainer,
                    source,
                    seed=seed,
                    class_weight=class_weight,
                    validation_split=validation_split,
                    validated=kept_out is not None,
                    metrics=found,
                    weighted=sample_weight is not None,
                ),
                resume_from,
            ).run()

    def evaluate(
        self,
        x: Any,
        t: Any = None,
        *,
        loss: losses.LossSpec | None = None,
        metrics: Sequence[metrics.MetricSpec] | metrics.MetricSpec | None = None,
        sample_weight: Any = None,
        class_weight: class_weight.ClassWeight | None = None,
    ) -> dict[str, float]:
        """Return the data loss and the metrics on `x` and `t`; arguments as for `fit`.

        Raises
        ------
        TypeError, ValueError
            If something does not fit, or there is no row.
        """
        with importing():
            from mlpcore.training.class_weight import weigh_classes
            from mlpcore.training.evaluate import evaluate
            from mlpcore.training.metrics import resolve_metrics
            from mlpcore.training.sources.check import CheckBatch
            from mlpcore.training.validation import held_out, of_arrays
        if t is None and sample_weight is not None:
            raise ValueError("sample_weight goes with arrays; batches are (x, t, sample_weight)")
        outputs = self._bound.program.out_features
        chosen, row_weight = weigh_classes(self._loss(loss), class_weight, t, outputs)
        found = resolve_metrics(metrics, chosen)
        check = CheckBatch(self._bound, chosen, found, row_weight, finite=False)
        with self._bound.backend.active():
            data = (
                held_out(x, check, epochs=1)
                if t is None
                else of_arrays(x, t, sample_weight, check=check)
            )
            return evaluate(self._bound, data(), loss=chosen, metrics=found, output=self._output)

    def _output(self, xp: Any, z: Any) -> Any:
        """Return what the model predicts for the logits `z`."""
        output = self.network.output
        return output.function.forward(xp, z, **dict(output.settings))
