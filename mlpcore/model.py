"""MLP: the thin object on top of everything below."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias, cast, overload

import numpy as np

from mlpcore.backends.arrays import common_kind
from mlpcore.backends.base import Mode
from mlpcore.device import Device
from mlpcore.inspect.features import features
from mlpcore.inspect.hooks import LayerHook, LayerValues
from mlpcore.kernels.reference.operations import Activation, Standardize
from mlpcore.model_base import Model, check_seed
from mlpcore.network import perceptron
from mlpcore.nn.activations import activation as resolve_activation
from mlpcore.nn.losses import Loss, check_output, default_for_output
from mlpcore.nn.losses import loss as resolve_loss
from mlpcore.optim import Optimizer
from mlpcore.optim import optimizer as resolve_optimizer
from mlpcore.passes import Batch, Cache, Gradients, take
from mlpcore.training.evaluate import evaluate
from mlpcore.training.fit import fit
from mlpcore.training.history import History
from mlpcore.training.metrics import resolve_metrics
from mlpcore.training.objective import objective, penalty_factor
from mlpcore.training.standardize import adapt
from mlpcore.training.targets import take_targets, take_weights
from mlpcore.training.trainer import Trainer

ActivationSpec: TypeAlias = str | Activation | tuple[Callable[..., Any], Callable[..., Any]]
LossSpec: TypeAlias = str | Loss | Callable[[Any, Any], tuple[Any, Any]]
OptimizerSpec: TypeAlias = str | Optimizer


class MLP(Model):
    """A multilayer perceptron on one device.

    Parameters
    ----------
    sizes : sequence of int
        The number of input features, then the width of each layer; at least two numbers.
    activation : str, Activation, pair of functions, or a sequence of these
        What follows each hidden layer.  A list has one entry for each hidden layer, or one for
        every layer: then the last one belongs to the network, before `output`.  A pair of functions
        is a user's own f(z) and its derivative f'(z).
    output : {"identity", "softmax", "sigmoid", "log_softmax"}
        What `__call__` and `predict` apply to the logits; nothing else applies it.
    bias : bool
        Whether each layer adds a bias.
    initializer : str
        The name of the weights' initialiser; ``"auto"`` takes the one that suits each activation.
    standardize : bool
        Whether the network begins with (x - mean) * scale; `adapt` sets both from data.
    dtype : {"float32", "float64"}
        What parameters and results are.
    device : str or Device, optional
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``; without it, `mlpcore.device.resolve`
        decides.
    seed : int, optional
        The seed of the initial weights, and of `fit` unless it is given its own; drawn by the
        system if absent.

    Raises
    ------
    ValueError
        If a width, name or number of activations does not fit.
    TypeError
        If a width is not an integer, or `dtype` is neither float32 nor float64.
    DeviceUnavailableError
        If the device cannot be used; the message says why.

    Examples
    --------
    >>> import numpy as np
    >>> model = MLP([4, 8, 3], output="softmax", device="cpu", seed=0)
    >>> model(np.zeros((2, 4), dtype=np.float32)).shape
    (2, 3)
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: ActivationSpec | Sequence[ActivationSpec] = "relu",
        output: str = "identity",
        *,
        bias: bool = True,
        initializer: str = "auto",
        standardize: bool = False,
        dtype: Any = "float32",
        device: str | Device | None = None,
        seed: int | None = None,
    ) -> None:
        network = perceptron(
            sizes,
            _activations(activation, len(sizes) - 1),
            resolve_activation(output),
            bias=bias,
            initializer=initializer,
            before=(Standardize(),) if standardize else (),
        )
        self._build(network, dtype, device, seed)
        self._initialize()

    # Prediction.

    def __call__(self, x: Any) -> Any:
        """Return the prediction for `x`: the logits with `output` applied.

        Parameters
        ----------
        x : array, shape (..., features)
            NumPy, CuPy, or anything with DLPack; (features,) is a single sample.

        Returns
        -------
        array, shape (..., out)
            In the model's dtype, of the kind that came in.

        Raises
        ------
        TypeError
            If `x` is on another device or does not hold real numbers.
        ValueError
            If its last axis is not as long as the network is wide.
        """
        bound = self._bound
        with bound.backend.active():
            batch = self._take(x)
            logits, _ = bound.forward(batch.rows)
            return batch.give(bound.backend, self._output(logits))

    def predict(self, x: Any, *, batch_size: int | None = None) -> Any:
        """Return the same as calling the model, `batch_size` rows at a time where it is given.

        A limit serves data on the host that does not fit on the model's device.
        """
        if batch_size is None:
            return self(x)
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        x = x if hasattr(x, "shape") else np.asarray(x)
        if len(x.shape) != 2 or x.shape[0] <= batch_size:
            return self(x)
        parts = [self(x[i : i + batch_size]) for i in range(0, x.shape[0], batch_size)]
        kind = common_kind(x=x)
        own = self._bound.backend
        with own.active():
            return own.deliver(own.xp.concatenate([own.receive(p, kind) for p in parts]), kind)

    def _output(self, logits: Any) -> Any:
        output = self.network.output
        return output.function.forward(self._bound.backend.xp, logits, **dict(output.settings))

    def _take(self, x: Any) -> Batch:
        bound = self._bound
        return take(bound.backend, x, bound.program.in_features, self._dtype)

    # Forward and backward.

    @overload
    def forward(self, x: Any, *, cache: Literal[True] = True) -> tuple[Any, Cache]: ...
    @overload
    def forward(self, x: Any, *, cache: Literal[False]) -> Any: ...
    def forward(self, x: Any, *, cache: bool = True) -> Any:
        """Return the logits of `x`, and the cache that `backward` needs.

        Parameters
        ----------
        x : array, shape (..., features)
            The input.
        cache : bool
            False returns the logits alone and keeps nothing.

        Returns
        -------
        logits : array, shape (..., out)
            The result of the last layer, before `output`.
        cache : Cache
            The input and each layer's pre-activation and activation.

        Raises
        ------
        TypeError, ValueError
            As for calling the model.
        """
        bound = self._bound
        with bound.backend.active():
            batch = self._take(x)
            logits, tape = bound.forward(batch.rows, Mode.GRADIENT if cache else Mode.INFERENCE)
            given = batch.give(bound.backend, logits)
            if tape is None:
                return given
            return given, Cache(tape, batch, bound.backend, bound.program)

    def backward(
        self,
        cache: Cache,
        dz: Any,
        *,
        input_gradient: bool = True,
        intermediates: bool = False,
    ) -> Gradients:
        """Return the gradients of a scalar, given its gradient `dz` by the logits.

        Parameters
        ----------
        cache : Cache
            What `forward` of this model returned.
        dz : array, shape (..., out)
            The gradient by the logits, in the shape of the logits.
        input_gradient : bool
            Whether to compute the gradient by the input.
        intermediates : bool
            Whether to keep the gradient by each layer's pre-activation and activation.

        Returns
        -------
        Gradients
            ``grads.layers[i].weight``, ``.bias``, ``.dz``, ``.da``, ``grads.flat``,
            ``grads.input``.

        Raises
        ------
        TypeError
            If `cache` is no cache, or `dz` is of another kind than the input was.
        ValueError
            If `cache` is of another model, `dz` has another shape than the logits, or the
            parameters have changed since.
        """
        bound = self._bound
        if not isinstance(cache, Cache):
            raise TypeError(
                f"backward needs the cache that forward returned, got {type(cache).__name__}"
            )
        if cache.tape.run.parameters is not bound.parameters:
            raise ValueError("this cache was made by another model")
        with bound.backend.active():
            kind = common_kind(dz=dz)
            if kind != cache.batch.kind and hasattr(dz, "__dlpack_device__"):
                raise TypeError(f"x was a {cache.batch.kind} array but dz is a {kind} array")
            array = bound.backend.receive(dz, kind, self._dtype)
            expected = (*cache.batch.lead, bound.program.out_features)
            if tuple(array.shape) != expected:
                raise ValueError(
                    f"dz must have the shape of the logits, {expected}; got {tuple(array.shape)}"
                )
            rows = array.reshape(cache.tape.rows, bound.program.out_features)
            result = bound.backward(
                cache.tape, rows, input_gradient=input_gradient, intermediates=intermediates
            )
            return Gradients(
                result,
                cache.batch,
                bound.backend,
                bound.program,
                bound.parameters.layout,
                cache.batch.kind,
            )

    def value_and_grad(
        self,
        x: Any,
        t: Any,
        loss: LossSpec | None = None,
        *,
        l2: float = 0.0,
        sample_weight: Any = None,
        input_gradient: bool = False,
        intermediates: bool = False,
    ) -> tuple[Any, Gradients]:
        """Return the objective J = L + s of a batch and its gradient.

        Parameters
        ----------
        x : array, shape (..., features)
            The input.
        t : array
            The targets: class labels of the leading shape of `x`, or (..., out).
        loss : str, Loss or function, optional
            The data loss L of the logits; by default the one that belongs to `output`.
        l2 : float
            λ of the penalty s = λ/2 ΣW², which counts weights but not biases.
        sample_weight : array, optional
            A weight for each sample, in the leading shape of `x`.
        input_gradient, intermediates : bool
            As for `backward`.

        Returns
        -------
        objective : array, shape ()
            J.
        gradients : Gradients
            The gradients of J, with J, L and s under ``.objective``, ``.loss`` and ``.penalty``.

        Raises
        ------
        TypeError, ValueError
            If something does not fit.
        """
        chosen, factor = self._loss(loss), penalty_factor(l2)
        bound = self._bound
        with bound.backend.active():
            kind = common_kind(x=x, t=t, sample_weight=sample_weight)
            batch = self._take(x)
            targets = take_targets(
                bound.backend, batch, t, bound.program.out_features, chosen, self._dtype
            )
            weights = take_weights(bound.backend, batch, sample_weight, self._dtype)
            found = objective(
                bound,
                batch.rows,
                targets,
                chosen,
                l2=factor,
                sample_weight=weights,
                input_gradient=input_gradient,
                intermediates=intermediates,
            )
            give = bound.backend.deliver
            gradients = Gradients(
                found.gradients,
                batch,
                bound.backend,
                bound.program,
                bound.parameters.layout,
                kind,
                loss=give(found.loss, kind),
                penalty=give(found.penalty, kind),
                objective=give(found.value, kind),
            )
            return gradients.objective, gradients

    def _loss(self, spec: LossSpec | None) -> Loss:
        name = self.network.output.name
        chosen = resolve_loss(default_for_output(name) if spec is None else spec)
        check_output(chosen, name)
        return chosen

    # Training.

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
            seed=self.seed if seed is None else check_seed(seed),
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
        common_kind(x=x, t=t, sample_weight=sample_weight)
        trainer = self.trainer(loss, optimizer, lr, l2=l2, seed=seed)
        return fit(
            trainer,
            x,
            t,
            epochs=epochs,
            batch_size=batch_size,
            seed=self.seed if seed is None else seed,
            shuffle=shuffle,
            sample_weight=sample_weight,
            validation_data=validation_data,
            metrics=resolve_metrics(metrics, trainer.loss.name),
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
        common_kind(x=x, t=t, sample_weight=sample_weight)
        chosen = self._loss(loss)
        names = resolve_metrics(metrics, chosen.name)
        return evaluate(self._bound, x, t, loss=chosen, metrics=names, sample_weight=sample_weight)

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

    # Looking inside.

    def features(self, x: Any, layers: Sequence[int] | None = None) -> dict[int, Any]:
        """Return the activations of `layers` for `x`, by layer number; all layers by default.

        Negative numbers count from the last layer, which is -1.
        """
        return features(self._bound, x, layers)

    def on_layer(self, callback: Callable[[LayerValues], None]) -> LayerHook:
        """Call `callback` with each layer's values after every forward pass, until it is removed.

        Returns
        -------
        LayerHook
            Its ``remove()`` ends it; as a context manager it ends with the block.
        """
        return LayerHook(self._bound, callback)


def _activations(
    spec: ActivationSpec | Sequence[ActivationSpec], layers: int
) -> tuple[Activation, ...]:
    """Return one activation for each hidden layer, or those of a sequence as they are."""
    if isinstance(spec, str | Activation) or (isinstance(spec, tuple) and all(map(callable, spec))):
        return (resolve_activation(cast("ActivationSpec", spec)),) * max(layers - 1, 0)
    return tuple(resolve_activation(each) for each in cast("Sequence[ActivationSpec]", spec))
