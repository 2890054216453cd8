"""The losses as functions of the logits z and the targets t: value and gradient together."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from mlpcore.backends.arrays import bring_in, common_kind, namespace_of
from mlpcore.functional._arrays import A, Frame, float_dtype
from mlpcore.kernels.reference.losses.reduction import Reduction
from mlpcore.nn.losses import Loss, loss

Weights: TypeAlias = Any
"""An array of the kind of z, or a list of numbers."""


def cross_entropy(
    z: A,
    t: Any,
    *,
    reduction: Reduction = "mean",
    sample_weight: Weights | None = None,
    class_weight: Weights | Mapping[int, float] | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
) -> tuple[A, A]:
    r"""Return the cross-entropy of softmax(z) against labels or distributions, and its gradient.

    A row's loss is :math:`l = -\sum_k w_k q_k \log \operatorname{softmax}(z)_k` with
    q = (1 - ε) t + ε / classes, t as one-hot rows, ε the label smoothing and w the class weights.

    Parameters
    ----------
    z : array, shape (..., classes)
        Logits.
    t : array, shape (...) or (..., classes)
        Integer class labels, or distributions over the classes.
    reduction : {"mean", "sum", "none"}, default "mean"
        The weighted sum Σ s l, s being the `sample_weight`; each s l; or the mean, which divides
        the sum by the total weight: Σ s wₜ over labels, Σ s over distributions.
    sample_weight : array, shape (...), optional
        A weight s for each row, not negative.
    class_weight : array, shape (classes,), or mapping from class to weight, optional
        The w of the formula, not negative.  Classes that a mapping leaves out have 1.
    label_smoothing : float, default 0.0
        The ε of the formula, in [0, 1].
    ignore_index : int, optional
        The label whose rows have weight 0.

    Returns
    -------
    loss : array, shape () or (...)
        In the dtype of `z`.  A mean of total weight 0, as of an empty batch, is 0 with gradient 0.
    dz : array, shape (..., classes)
        The gradient of `loss` (for "none", of its sum) with respect to `z`.

    Raises
    ------
    ValueError
        If a shape does not fit, a setting or a weight is out of range, or a label is no class.
        Labels on a GPU are not looked at: one that is no class makes the loss and its row's dz NaN.
    TypeError
        If the labels are no integers, or the arrays are of different kinds.

    Notes
    -----
    All settings, alone and together, mean what they mean to PyTorch's ``cross_entropy``, which has
    no `sample_weight`; there a mean of total weight 0 is NaN.
    """
    return _evaluate(
        "cross_entropy",
        z,
        t,
        sample_weight,
        reduction,
        class_weight=class_weight,
        label_smoothing=label_smoothing,
        ignore_index=ignore_index,
    )


def binary_cross_entropy(
    z: A,
    t: Any,
    *,
    reduction: Reduction = "mean",
    sample_weight: Weights | None = None,
    pos_weight: Weights | float = 1.0,
) -> tuple[A, A]:
    """Return the cross-entropy of σ(z) against probabilities t, and its gradient.

    An element's loss is l = -p t log σ(z) - (1 - t) log σ(-z), p being the positive class's weight.

    Parameters
    ----------
    z : array, shape (..., features)
        Logits.
    t : array, shape (..., features), or (...) for a single feature
        Probabilities of the positive class, in [0, 1]; booleans and the integers 0 and 1 will do.
    reduction : {"mean", "sum", "none"}, default "mean"
        The weighted mean Σ w l / Σ w over all elements, the weighted sum, or w l of each element.
    sample_weight : array, shape (...) or (..., features), optional
        A weight for each row or element, not negative.
    pos_weight : float or array, shape (features,), default 1.0
        The p of the formula.

    Returns
    -------
    loss : array, shape () or (..., features)
        In the dtype of `z`.  A mean of total weight 0, as of an empty batch, is 0 with gradient 0.
    dz : array, shape (..., features)
        The gradient of `loss` (for "none", of its sum) with respect to `z`.

    Raises
    ------
    ValueError
        If a shape does not fit, or a weight or (on the host) a target is out of range.
    TypeError
        If the arrays are of different kinds or do not hold real numbers.
    """
    return _evaluate("binary_cross_entropy", z, t, sample_weight, reduction, pos_weight=pos_weight)


def nll(
    z: A,
    t: Any,
    *,
    reduction: Reduction = "mean",
    sample_weight: Weights | None = None,
    class_weight: Weights | Mapping[int, float] | None = None,
    ignore_index: int | None = None,
) -> tuple[A, A]:
    """Return the negative log-likelihood of labels under log-probabilities, and its gradient.

    A row's loss is l = -w[t] z[t], w being the class weights.  For logits there is `cross_entropy`,
    which takes their log-softmax.

    Parameters
    ----------
    z : array, shape (..., classes)
        Log-probabilities, as from `log_softmax`.
    t : array, shape (...)
        Integer class labels.
    reduction : {"mean", "sum", "none"}, default "mean"
        The weighted mean Σ s l / Σ s w[t], s being the `sample_weight`, the weighted sum Σ s l, or
        s l of each row.
    sample_weight : array, shape (...), optional
        A weight s for each row, not negative.
    class_weight : array, shape (classes,), or mapping from class to weight, optional
        The w of the formula, not negative.  Classes that a mapping leaves out have 1.
    ignore_index : int, optional
        The label whose rows have weight 0.

    Returns
    -------
    loss : array, shape () or (...)
        In the dtype of `z`.  A mean of total weight 0, as of an empty batch, is 0 with gradient 0.
    dz : array, shape (..., classes)
        The gradient of `loss` (for "none", of its sum) with respect to `z`.

    Raises
    ------
    ValueError
        If a shape does not fit, a weight is out of range, or a label is no class.
        Labels on a GPU are not looked at: one that is no class makes the loss and its row's dz NaN.
    TypeError
        If the labels are no integers, or the arrays are of different kinds.
    """
    return _evaluate(
        "nll", z, t, sample_weight, reduction, class_weight=class_weight, ignore_index=ignore_index
    )


def mse(
    z: A, t: Any, *, reduction: Reduction = "mean", sample_weight: Weights | None = None
) -> tuple[A, A]:
    """Return the squared error (z - t)² and its gradient 2 (z - t).

    Parameters
    ----------
    z : array, shape (..., features)
        Predictions.
    t : array, shape (..., features), or (...) for a single feature
        Targets.  Nothing else is broadcast.
    reduction : {"mean", "sum", "none"}, default "mean"
        The weighted mean Σ w l / Σ w over all elements, the weighted sum, or w l of each element.
    sample_weight : array, shape (...) or (..., features), optional
        A weight for each row or element, not negative.

    Returns
    -------
    loss : array, shape () or (..., features)
        In the dtype of `z`.  A mean of total weight 0, as of an empty batch, is 0 with gradient 0.
    dz : array, shape (..., features)
        The gradient of `loss` (for "none", of its sum) with respect to `z`.

    Raises
    ------
    ValueError
        If a shape does not fit, or (on the host) a weight is negative or not finite.
    TypeError
        If the arrays are of different kinds or do not hold real numbers.
    """
    return _evaluate("mse", z, t, sample_weight, reduction)


def mae(
    z: A, t: Any, *, reduction: Reduction = "mean", sample_weight: Weights | None = None
) -> tuple[A, A]:
    """Return the absolute error |z - t| and its gradient sign(z - t), which is 0 where z = t.

    Parameters
    ----------
    z : array, shape (..., features)
        Predictions.
    t : array, shape (..., features), or (...) for a single feature
        Targets.  Nothing else is broadcast.
    reduction : {"mean", "sum", "none"}, default "mean"
        The weighted mean Σ w l / Σ w over all elements, the weighted sum, or w l of each element.
    sample_weight : array, shape (...) or (..., features), optional
        A weight for each row or element, not negative.

    Returns
    -------
    loss : array, shape () or (..., features)
        In the dtype of `z`.  A mean of total weight 0, as of an empty batch, is 0 with gradient 0.
    dz : array, shape (..., features)
        The gradient of `loss` (for "none", of its sum) with respect to `z`.

    Raises
    ------
    ValueError
        If a shape does not fit, or (on the host) a weight is negative or not finite.
    TypeError
        If the arrays are of different kinds or do not hold real numbers.
    """
    return _evaluate("mae", z, t, sample_weight, reduction)


def huber(
    z: A,
    t: Any,
    *,
    reduction: Reduction = "mean",
    sample_weight: Weights | None = None,
    delta: float = 1.0,
) -> tuple[A, A]:
    """Return Huber's loss, d²/2 for |d| ≤ delta and delta (|d| - delta/2) beyond, and its gradient.

    Here d = z - t, and the gradient of an element is d clipped to [-delta, delta].

    Parameters
    ----------
    z : array, shape (..., features)
        Predictions.
    t : array, shape (..., features), or (...) for a single feature
        Targets.  Nothing else is broadcast.
    reduction : {"mean", "sum", "none"}, default "mean"
        The weighted mean Σ w l / Σ w over all elements, the weighted sum, or w l of each element.
    sample_weight : array, shape (...) or (..., features), optional
        A weight for each row or element, not negative.
    delta : float, default 1.0
        The distance from the target at which the parabola meets the line, greater than 0.

    Returns
    -------
    loss : array, shape () or (..., features)
        In the dtype of `z`.  A mean of total weight 0, as of an empty batch, is 0 with gradient 0.
    dz : array, shape (..., features)
        The gradient of `loss` (for "none", of its sum) with respect to `z`.

    Raises
    ------
    ValueError
        If a shape does not fit, `delta` is not positive, or (on the host) a weight is negative or
        not finite.
    TypeError
        If the arrays are of different kinds or do not hold real numbers.
    """
    return _evaluate("huber", z, t, sample_weight, reduction, delta=delta)


def poisson(
    z: A, t: Any, *, reduction: Reduction = "mean", sample_weight: Weights | None = None
) -> tuple[A, A]:
    """Return the Poisson loss e^z - t z of counts t, and its gradient e^z - t.

    e^z is the mean that is predicted.  log t!, which does not depend on z, is left out.

    Parameters
    ----------
    z : array, shape (..., features)
        Logarithms of predicted means.
    t : array, shape (..., features), or (...) for a single feature
        Targets, not negative; they need not be whole numbers.  Nothing else is broadcast.
    reduction : {"mean", "sum", "none"}, default "mean"
        The weighted mean Σ w l / Σ w over all elements, the weighted sum, or w l of each element.
    sample_weight : array, shape (...) or (..., features), optional
        A weight for each row or element, not negative.

    Returns
    -------
    loss : array, shape () or (..., features)
        In the dtype of `z`.  A mean of total weight 0, as of an empty batch, is 0 with gradient 0.
    dz : array, shape (..., features)
        The gradient of `loss` (for "none", of its sum) with respect to `z`.

    Raises
    ------
    ValueError
        If a shape does not fit, or (on the host) a target is negative, or a weight is negative or
        not finite.
    TypeError
        If the arrays are of different kinds or do not hold real numbers.
    """
    return _evaluate("poisson", z, t, sample_weight, reduction)


@np.errstate(all="ignore")
def _evaluate(
    name: str,
    z: Any,
    t: Any,
    sample_weight: Any,
    reduction: Reduction,
    **settings: Any,
) -> tuple[Any, Any]:
    arrays = {key: value for key, value in settings.items() if hasattr(value, "__dlpack__")}
    kind = common_kind(z=z, t=t, sample_weight=sample_weight, **arrays)
    z = bring_in(z, kind)
    frame = Frame(kind, namespace_of(kind), float_dtype(z.dtype))
    z, t = frame.cast(z), bring_in(t, kind)
    weight = None if sample_weight is None else bring_in(sample_weight, kind)
    chosen = loss(name, **{k: v for k, v in settings.items() if not (k in arrays and kind.on_gpu)})
    if kind.on_gpu and arrays:  # they stay where they are, unlooked at: the host waits for nothing
        kept = {key: bring_in(value, kind) for key, value in arrays.items()}
        chosen = Loss(name, (*chosen.settings, *kept.items()))
    # Refused if they overflow in the dtype of the computation, but passed on with all their digits.
    chosen.validate(z.shape, t, frame.cast(weight), reduction)
    value, dz = chosen(frame.xp, z, t, weight, reduction)
    return frame.give(value), frame.give(dz)
