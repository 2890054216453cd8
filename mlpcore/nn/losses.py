"""Losses by name: what is minimised, as a user names it, and whether it suits a network's output.

Every loss sees what the last layer of a network computes, before ``output=`` is applied to it:
logits where softmax or sigmoid belongs to the loss.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from mlpcore.kernels.reference.losses import LOSSES
from mlpcore.kernels.reference.losses.reduction import Reduction
from mlpcore.kernels.reference.typing import Array, Namespace
from mlpcore.names import unknown
from mlpcore.nn import _custom_loss, _loss_settings, _targets

__all__ = ["REDUCTIONS", "Loss", "LossSpec", "check_output", "default_for_output", "loss"]

REDUCTIONS: tuple[Reduction, ...] = ("mean", "sum", "none")

CustomLoss: TypeAlias = Callable[[Any, Any], tuple[Any, Any]]
"""A loss of a user's own: ``(z, t) -> (value, dz)``, with the mean already taken."""

_OUTPUTS = {
    "cross_entropy": ("softmax", "log_softmax", "identity"),
    "binary_cross_entropy": ("sigmoid", "identity"),
}
"""The outputs that a loss suits; any other loss compares z itself with t: identity alone."""

_DEFAULTS = {
    "softmax": "cross_entropy",
    "log_softmax": "cross_entropy",
    "sigmoid": "binary_cross_entropy",
    "identity": "mse",
}


@dataclass(frozen=True)
class Loss:
    """A loss with its settings.

    Attributes
    ----------
    name : str
        The name in the table, or the name of a user's own function.
    settings : tuple of (str, object)
        The settings that were given, sorted by name, as numbers and tuples of numbers, a mapping
        as pairs; ``loss(name, **dict(settings))`` gives the same loss again.
    custom : callable or None
        The function ``(z, t) -> (value, dz)`` when the loss is a user's own.
    """

    name: str
    settings: tuple[tuple[str, Any], ...] = ()
    custom: CustomLoss | None = None

    @property
    def expects(self) -> Literal["classes", "probabilities", "counts", "values", "anything"]:
        """What the targets are.

        ``"classes"`` are integer labels of shape ``z.shape[:-1]`` (cross_entropy also takes
        distributions in the shape of z), ``"probabilities"`` are numbers in [0, 1] in the shape of
        z, ``"counts"`` numbers from 0 up, ``"values"`` any real numbers in that shape; a user's own
        loss takes ``"anything"``.
        """
        return "anything" if self.custom is not None else LOSSES[self.name].expects

    def __call__(
        self,
        xp: Namespace,
        z: Array,
        t: Array,
        sample_weight: Array | None = None,
        reduction: Reduction = "mean",
    ) -> tuple[Array, Array]:
        """Return the loss of `z` against the targets `t`, and its gradient dz.

        Parameters
        ----------
        xp : Namespace
            The namespace of the arrays: NumPy, CuPy, or another of the array API standard.
        z : Array, shape (..., features)
            What the last layer computed, float32 or float64.
        t : Array
            Targets as `expects` says; for ``features == 1`` the last axis may be left out.
        sample_weight : Array, optional
            Weights that are not negative, of shape ``z.shape[:-1]``, or of ``z.shape`` where the
            loss has a term for each element.  Those in float64 are brought to their shares of a
            mean before they get the dtype of `z`, where they might vanish or overflow.
        reduction : {"mean", "sum", "none"}, default "mean"
            The weighted mean (0 if the total weight is 0), the weighted sum, or each weighted term.

        Returns
        -------
        loss : Array
            In the dtype of `z`; 0-d for "mean" and "sum".
        dz : Array
            In the shape and dtype of `z`.

        Raises
        ------
        ValueError
            If a shape does not fit, or a weight among the settings is too large for the dtype of
            `z`.  Values of arrays are not looked at (see `validate`): a class label out of range
            makes the loss, and dz of its row, NaN.
        """
        if self.custom is not None:
            self._refuse_options(sample_weight, reduction)
            return _custom_loss.checked(xp, self.name, z, self.custom(z, t))
        function = LOSSES[self.name]
        weight_shape = None if sample_weight is None else sample_weight.shape
        _targets.check_shapes(self.name, function, z.shape, t.shape, weight_shape)
        if not _targets.takes_labels(function, z.shape, t.shape):
            t = xp.astype(xp.reshape(t, z.shape), z.dtype, copy=False)
        if sample_weight is not None and sample_weight.dtype != xp.float64:
            sample_weight = xp.astype(sample_weight, z.dtype, copy=False)
        with np.errstate(all="ignore"):
            return function(
                xp,
                z,
                t,
                sample_weight=sample_weight,
                reduction=reduction,
                **_loss_settings.as_arrays(xp, dict(self.settings), z),
            )

    def validate(
        self,
        z_shape: tuple[int, ...],
        t: Array,
        sample_weight: Array | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        """Check everything that `__call__` is given, before any work.

        Parameters
        ----------
        z_shape : tuple of int
            The shape that z will have.
        t : Array
            The targets, a NumPy or CuPy array.
        sample_weight : Array, optional
            The weights, in the dtype of the computation if it is known, which they must not
            overflow.
        reduction : {"mean", "sum", "none"}, default "mean"
            How the terms combine.

        Raises
        ------
        ValueError
            For an unknown reduction, a shape that does not fit, class weights of another number of
            classes; and for NumPy arrays also for labels that are no class, probabilities outside
            [0, 1], and weights that are negative or not finite.
        TypeError
            For class labels that are no integers, and targets or weights that are no real numbers.
        """
        if reduction not in REDUCTIONS:
            raise ValueError(f"unknown reduction {reduction!r}; known are {', '.join(REDUCTIONS)}")
        if self.custom is not None:
            self._refuse_options(sample_weight, reduction)
            return
        function, settings = LOSSES[self.name], dict(self.settings)
        weight_shape = None if sample_weight is None else sample_weight.shape
        _targets.check_shapes(self.name, function, z_shape, t.shape, weight_shape)
        _targets.check_kinds(self.name, function, z_shape, t, sample_weight)
        ignore_index = settings.get("ignore_index")
        if ignore_index is not None and not _targets.takes_labels(function, z_shape, t.shape):
            raise ValueError(
                f"{self.name}: ignore_index={ignore_index} is a class label, but the targets of "
                f"shape {t.shape} are probabilities; give such rows the sample_weight 0"
            )
        _loss_settings.check_widths(settings, z_shape)
        _targets.check_values(self.name, function, z_shape, t, sample_weight, ignore_index)

    def _refuse_options(self, sample_weight: Array | None, reduction: Reduction) -> None:
        if sample_weight is not None:
            raise ValueError(f"the loss {self.name!r} is your own and takes no sample_weight")
        if reduction != "mean":
            raise ValueError(
                f"the loss {self.name!r} is your own and reduces by itself; "
                f"reduction={reduction!r} cannot be applied to it"
            )

    def __str__(self) -> str:
        inside = ", ".join(f"{key}={value}" for key, value in self.settings)
        return f"{self.name}({inside})" if inside else self.name


LossSpec: TypeAlias = str | Loss | CustomLoss
"""What names a loss: its name, a `Loss`, or a function of a user's own."""


def loss(spec: LossSpec, **settings: Any) -> Loss:
    """Return the loss that `spec` names.

    Parameters
    ----------
    spec : str, Loss or callable
        One of ``"cross_entropy"``, ``"binary_cross_entropy"``, ``"nll"``, ``"mse"``, ``"mae"``,
        ``"huber"`` and ``"poisson"``, of counts whose mean is e^z; a `Loss`, whose settings
        `settings` replace; or a function of your own, ``(z, t) -> (value, dz)``, which returns the
        mean loss and its gradient in the shape of z.
    **settings
        ``label_smoothing`` in [0, 1] (cross_entropy); ``class_weight``, one number for each class
        or a mapping from class to weight in which classes left out have 1, and ``ignore_index``, a
        label whose rows do not count (cross_entropy and nll); ``pos_weight``, one number or one for
        each feature (binary_cross_entropy); ``delta`` > 0 (huber).

    Returns
    -------
    Loss

    Raises
    ------
    ValueError
        For an unknown name, with a list of the known ones, or a value out of range.
    TypeError
        For an unknown setting, with a list of the known ones, a value that is no number, or a
        `spec` of another kind.

    Examples
    --------
    >>> str(loss("cross_entropy", label_smoothing=0.1))
    'cross_entropy(label_smoothing=0.1)'
    """
    if isinstance(spec, str):
        return _named(spec, settings)
    if isinstance(spec, Loss) and spec.custom is None:
        return _named(spec.name, dict(spec.settings) | settings)
    if isinstance(spec, Loss) or callable(spec):
        name = spec.name if isinstance(spec, Loss) else getattr(spec, "__name__", "loss")
        if settings:
            raise TypeError(f"{name} is a loss of your own; it takes no {', '.join(settings)}")
        return spec if isinstance(spec, Loss) else Loss(name, custom=spec)
    raise TypeError(
        f"a loss is a name, a Loss, or a function (z, t) -> (value, dz); got {type(spec).__name__}"
    )


def _named(name: str, settings: dict[str, Any]) -> Loss:
    if name not in LOSSES:
        raise unknown("loss", name, LOSSES)
    known = LOSSES[name].settings
    for key in settings:
        if key not in known:
            listed = ", ".join(known) or "none"
            raise TypeError(f"loss {name!r} has no setting {key!r}; it has: {listed}")
    given = {
        key: _loss_settings.plain(name, key, value)
        for key, value in settings.items()
        if value is not known[key]
    }
    return Loss(name, tuple(sorted((k, v) for k, v in given.items() if v != known[k])))


def default_for_output(output: str) -> Loss:
    """Return the loss that belongs to a network's output.

    Parameters
    ----------
    output : {"softmax", "log_softmax", "sigmoid", "identity"}
        What prediction applies to the last layer.

    Returns
    -------
    Loss
        cross_entropy for softmax and log_softmax, binary_cross_entropy for sigmoid, mse for
        identity.

    Raises
    ------
    ValueError
        If no loss belongs to `output`.
    """
    if output not in _DEFAULTS:
        raise ValueError(
            f"no loss belongs to output={output!r}; name one with loss=: {', '.join(LOSSES)}"
        )
    return Loss(_DEFAULTS[output])


def check_output(loss: Loss, output: str) -> None:
    """Raise ValueError if training on `loss` would fit something else than prediction returns.

    A loss sees the last layer before `output` is applied.  The mean squared error with a softmax
    output, say, would fit the logits to the targets, and prediction would return their softmax.

    Parameters
    ----------
    loss : Loss
        What is minimised; one of a user's own is taken to know what it does.
    output : str
        What prediction applies to the last layer.
    """
    if loss.custom is not None:
        return
    outputs = _OUTPUTS.get(loss.name, ("identity",))
    if output in outputs:
        return
    suited = " or ".join(f"output={name!r}" for name in outputs)
    instead = f"use {suited}"
    if output in _DEFAULTS:
        instead += f", or loss={_DEFAULTS[output]!r} with this output"
    raise ValueError(
        f"loss {loss.name!r} does not belong to output={output!r}: a loss sees the last layer "
        "before the output is applied, so it would train something else than prediction returns; "
        f"{instead}"
    )
