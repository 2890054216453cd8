"""MLP: the thin object on top of everything below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from mlpcore.backends.arrays import NUMPY, bring_in, kind_of, namespace_of, send_back
from mlpcore.backends.base import DirectPrediction, Mode
from mlpcore.batch_out import out_rows
from mlpcore.cached import cached_property
from mlpcore.checks import not_negative, whole_number
from mlpcore.device import Device
from mlpcore.lazy_imports import importing, lazy_module
from mlpcore.model_fit import FittableModel
from mlpcore.nn.activations import ActivationSpec
from mlpcore.nn.architecture import NormSpec, architecture
from mlpcore.prediction import predict

if TYPE_CHECKING:
    from mlpcore import frozen, model_gradients, passes
    from mlpcore.inspect import hooks
    from mlpcore.nn import initializers, losses
else:
    frozen = lazy_module("mlpcore.frozen")
    hooks = lazy_module("mlpcore.inspect.hooks")
    initializers = lazy_module("mlpcore.nn.initializers")
    losses = lazy_module("mlpcore.nn.losses")
    model_gradients = lazy_module("mlpcore.model_gradients")
    passes = lazy_module("mlpcore.passes")


class MLP(FittableModel):
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
    initializer : str or callable
        The name of the weights' initialiser, or a function of your own from (rng, (out, in)) to an
        array; ``"auto"`` takes the one that suits each activation.
    norm : {"batch", "layer"}, BatchNorm, LayerNorm, optional
        What normalises each hidden layer, between its product and its activation.
    residual : bool
        Whether a hidden layer as wide as the hidden layer before it adds that one's result.
    dropout : float or sequence of float
        The share of each hidden layer's results that a training step drops, in [0, 1).  Like
        `activation` and `norm` it says something of each hidden layer: a network that has none,
        ``MLP([6, 4])``, is one product, whatever they are.
    standardize : bool
        Whether the network begins with (x - mean) * scale; `adapt` sets both from data.
    input_noise, input_dropout : float
        The deviation of the noise that a training step adds to the (standardised) input, and the
        share of it that it drops.
    dtype : {"float32", "float64"}
        What parameters and results are.
    device : str or Device, optional
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``; without it, `mlpcore.device.resolve`
        decides.
    seed : int, optional
        The seed of the initial weights, and of `fit` unless it is given its own; drawn by the
        system if absent.
    num_threads : int, optional
        How many threads of the CPU a pass of this model uses; see the attribute.

    Raises
    ------
    ValueError
        If a width, name, rate or number of activations does not fit, or `num_threads` is below 1.
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
        initializer: initializers.InitializerSpec = "auto",
        norm: NormSpec = None,
        residual: bool = False,
        dropout: float | Sequence[float] = 0.0,
        standardize: bool = False,
        input_noise: float = 0.0,
        input_dropout: float = 0.0,
        dtype: Any = "float32",
        device: str | Device | None = None,
        seed: int | None = None,
        num_threads: int | None = None,
    ) -> None:
        network = architecture(
            sizes,
            activation,
            output,
            bias=bias,
            initializer=initializer,
            norm=norm,
            residual=residual,
            dropout=dropout,
            standardize=standardize,
            input_noise=input_noise,
            input_dropout=input_dropout,
        )
        self._build(network, dtype, device, seed, num_threads)
        self._initialize()

    # Prediction.

    def __call__(self, x: Any, out: Any = None) -> Any:
        """Return the prediction for `x`: the logits with `output` applied.

        Parameters
        ----------
        x : array, shape (..., features)
            NumPy, CuPy, or anything with DLPack; (features,) is a single sample.
        out : array, shape (..., out), optional
            Where the result goes: a NumPy array, or a CuPy array for an `x` on a GPU, of the
            model's dtype.  Each row of numbers is contiguous, and no memory is that of `x`.

        Returns
        -------
        array, shape (..., out)
            `out`, or without it a new array of the model's dtype, of the kind that came in.

        Raises
        ------
        TypeError
            If `x` is on another device or does not hold real numbers, or `out` is of another kind
            or dtype.
        ValueError
            If the last axis of `x` is not as long as the network is wide, or `out` has another
            shape, cannot be written, or shares memory with `x`.
        """
        bound, direct = self._bound, self._direct
        if direct is not None and not bound.watchers:
            y = direct(x, out)
            if y is not None:
                return y
        return predict(bound, direct, self.network.output, x, out)

    @cached_property
    def _direct(self) -> DirectPrediction | None:
        """The short way from input to prediction, if the backend has one."""
        return self._bound.direct(self.network.output)

    def predict(self, x: Any, *, batch_size: int | None = None, out: Any = None) -> Any:
        """Return the same as calling the model, in parts where `batch_size` is given.

        Parameters
        ----------
        x : array, shape (..., features)
            The input.
        batch_size : int, optional
            How many entries of the first axis go to the model's device at once, for data that does
            not fit there as a whole.
        out : array, shape (..., out), optional
            Where the result goes, as for calling the model.

        Returns
        -------
        array, shape (..., out)
            As from calling the model.

        Raises
        ------
        TypeError, ValueError
            As from calling the model, or if `batch_size` is less than 1.
        """
        if batch_size is None:
            return self(x, out)
        batch_size = whole_number(batch_size, "batch_size", 1)
        kind = kind_of(x)
        x = np.asarray(x) if kind == NUMPY else x  # a list, or a frame that indexes in its own way
        if len(x.shape) < 2 or x.shape[0] <= batch_size:
            return self(x, out)
        rows = x.shape[0]
        cuts = [slice(start, min(start + batch_size, rows)) for start in range(0, rows, batch_size)]
        if out is not None:
            shape = (*x.shape[:-1], self._bound.program.out_features)
            out_rows(out, x, shape, self._dtype)  # all of it, before any part is written
            # All parts of one state: another thread may train meanwhile.
            self._bound.read(lambda: [self(x[cut, ...], out[cut, ...]) for cut in cuts])
            return out
        parts = self._bound.read(lambda: [self(x[cut, ...]) for cut in cuts])
        with self._bound.backend.active():
            joined = namespace_of(kind).concatenate([bring_in(part, kind) for part in parts])
            return send_back(joined, kind)

    def freeze(self) -> frozen.FrozenPredictor:
        """Return a predictor with a copy of the parameters as they are now.

        Nothing that happens to this model changes it, so a call of it checks nothing but `x`, which
        makes it the fastest way to predict a few rows; and its `jit_function` predicts inside
        functions that Numba compiles.

        Returns
        -------
        FrozenPredictor
            On the same device, with this model's `num_threads`.
        """
        return frozen.FrozenPredictor(
            self.network,
            self._bound.values(),
            dtype=self._dtype,
            device=self.device,
            num_threads=self.num_threads,
        )

    # Forward and backward.

    @overload
    def forward(self, x: Any, *, cache: Literal[True] = True) -> tuple[Any, passes.Cache]: ...
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
            return given, passes.Cache(tape, batch, bound.backend)

    def backward(
        self,
        cache: passes.Cache,
        dz: Any,
        *,
        input_gradient: bool = True,
        intermediates: bool = False,
    ) -> passes.Gradients:
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
            parameters have changed since, by a step, `set_parameters` or `adapt`.  A write through
            the views of `parameters` is not noticed and gives gradients of neither state.
        """
        return model_gradients.backward(
            self._bound, cache, dz, input_gradient=input_gradient, intermediates=intermediates
        )

    def value_and_grad(
        self,
        x: Any,
        t: Any,
        loss: losses.LossSpec | None = None,
        *,
        l2: float = 0.0,
        l1: float = 0.0,
        sample_weight: Any = None,
        input_gradient: bool = False,
        intermediates: bool = False,
    ) -> tuple[Any, passes.Gradients]:
        """Return the objective J = L + s of a batch and its gradient.

        Parameters
        ----------
        x : array, shape (..., features)
            The input.
        t : array
            The targets: class labels of the leading shape of `x`, or (..., out).
        loss : str, Loss or function, optional
            The data loss L of the logits; by default the one that belongs to `output`.
        l2, l1 : float
            λ₂ and λ₁ of the penalty s = λ₂/2 ΣW² + λ₁ Σ|W|, which counts weights but not biases.
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
        gradients = model_gradients.gradients_of(
            self._bound,
            x,
            t,
            self._loss(loss),
            l2=not_negative(l2, "l2"),
            l1=not_negative(l1, "l1"),
            sample_weight=sample_weight,
            input_gradient=input_gradient,
            intermediates=intermediates,
        )
        return gradients.objective, gradients

    # Looking inside.

    def features(self, x: Any, layers: Sequence[int] | None = None) -> dict[int, Any]:
        """Return the activations of `layers` for `x`, by layer number; all layers by default.

        Negative numbers count from the last layer, which is -1.
        """
        with importing():
            from mlpcore.inspect.features import features
        return features(self._bound, x, layers)

    def on_layer(self, callback: Callable[[hooks.LayerValues], None]) -> hooks.LayerHook:
        """Call `callback` with each layer's values after every forward pass, until it is removed.

        The values are read-only views of NumPy arrays, or CuPy arrays that must not be written.  A
        hook makes every pass keep all layers, so the memory of a prediction grows with its batch.

        Returns
        -------
        LayerHook
            Its ``remove()`` ends it; as a context manager it ends with the block.
        """
        return hooks.LayerHook(self._bound, callback)
