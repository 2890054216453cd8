"""Which losses have a kernel, and what the kernel is given for a batch.

The kernels compute w l and w dl/dz of each row.  Sample weights, the reduction, ``ignore_index``
and the class weight of a label are all factors of w; the sum over the rows is the reduced loss.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from mlpcore.cached import cached_property
from mlpcore.kernels.reference.losses import LOSSES
from mlpcore.nn import _loss_settings
from mlpcore.nn.losses import Loss

Numbers: TypeAlias = np.ndarray[Any, np.dtype[Any]]

_TERMS = ("cross_entropy_smooth", "cross_entropy_distributions")
"""The kernels that weigh every class by itself: two numbers and the class weights as settings."""


_LABELS = np.dtype(np.int64)
"""What labels are to the kernels."""


class LossInputs(NamedTuple):
    """What the kernel of a loss is given for a batch, besides the logits.

    Attributes
    ----------
    kernel : str
        The name of the kernel.
    targets : ndarray
        Labels, int64 of shape (rows,), contiguous; or numbers of the computation's dtype, of shape
        (rows, features), whose last axis is contiguous.
    weights : ndarray, shape (rows,)
        The weight of each row, in the computation's dtype.
    settings : ndarray
        What the kernel says its settings are, in the computation's dtype.
    """

    kernel: str
    targets: Numbers
    weights: Numbers
    settings: Numbers

    @property
    def target_stride(self) -> int:
        """How many elements lie from one row of the targets to the next."""
        return self.targets.strides[0] // self.targets.itemsize


@dataclass(frozen=True)
class FusedLoss:
    """The kernel that computes a loss of logits of one width and dtype.

    Attributes
    ----------
    kernel : str
        Its name in ``kernels/cpu/losses``.
    loss : Loss
        The loss.
    features : int
        The width of the logits.
    dtype : dtype
        Their dtype.
    labels : bool
        Whether the targets are class labels rather than a number for each element.
    settings : ndarray
        The settings of the kernel; for those of `_TERMS` without the class weights.
    class_weight : ndarray, shape (features,), or None
        The weight of each class in float64, where weights were given.
    """

    kernel: str
    loss: Loss
    features: int
    dtype: np.dtype[Any]
    labels: bool
    settings: Numbers
    class_weight: Numbers | None

    def inputs(
        self, t: Numbers, sample_weight: Numbers | None = None, reduction: str = "mean"
    ) -> LossInputs | None:
        """Return what the kernel needs to compute what ``loss(np, z, t, ...)`` does.

        Parameters
        ----------
        t : ndarray, shape (rows,) or (rows, features)
            The targets, already validated.
        sample_weight : ndarray, optional
            The weights, already validated.
        reduction : str, default "mean"
            ``"mean"`` or ``"sum"``.

        Returns
        -------
        LossInputs or None
            None where the kernel does not do it: losses that are not to be summed, weights of
            single elements, and weights beyond the range of the dtype.
        """
        if reduction not in ("mean", "sum"):
            return None
        targets = self._targets(t)
        if sample_weight is None and self._alike:
            share = 1 / max(len(targets) * self._terms, 1) if reduction == "mean" else 1.0
            return LossInputs(
                self.kernel, targets, _uniform(len(targets), share, self.dtype), self.settings
            )
        weight = self._sample_weight(targets, sample_weight)
        if weight is None and sample_weight is not None:
            return None
        by_class, counts = self.class_weight, self._counts(targets)
        with np.errstate(all="ignore"):
            if counts is not None and by_class is not None and reduction == "mean":
                # Only their ratios matter; those of the labels that occur shall not vanish.
                scale = _largest(counts)
                by_class, counts = by_class / scale, counts / scale
            w = np.ones(len(targets)) if weight is None else weight
            if reduction == "mean":
                w = self._shares(w, counts)
            if counts is not None and self.kernel not in _TERMS:
                # A row of weight 0 takes no part, also where its label is no class.
                known = (targets >= 0) & (targets < self.features)
                w = np.where(w == 0, 0.0, w * np.where(known, counts, np.nan))
            weights, settings = w.astype(self.dtype, copy=False), self.settings
            if self.kernel in _TERMS:
                by_class = np.ones(self.features) if by_class is None else by_class
                settings = np.concatenate([settings, by_class]).astype(self.dtype)
        return (
            None if np.isinf(weights).any() else LossInputs(self.kernel, targets, weights, settings)
        )

    @cached_property
    def _alike(self) -> bool:
        """Whether all rows weigh the same where no weights are given."""
        ignores = self.labels and dict(self.loss.settings).get("ignore_index") is not None
        return self.class_weight is None and self.kernel not in _TERMS and not ignores

    def _targets(self, t: Numbers) -> Numbers:
        dtype, axes = (_LABELS, 1) if self.labels else (self.dtype, 2)
        flags = t.flags
        if t.dtype is dtype and t.ndim == axes and flags.c_contiguous and flags.aligned:
            return t
        if self.labels:
            return np.require(t, np.int64, ["C", "ALIGNED"])
        t = t.reshape(-1, self.features).astype(self.dtype, copy=False)
        item = self.dtype.itemsize
        readable = t.flags.aligned and t.strides[1] == item and t.strides[0] % item == 0
        return t if readable else np.require(t, requirements=["C", "ALIGNED"])

    def _sample_weight(self, targets: Numbers, given: Numbers | None) -> Numbers | None:
        """Return the weights of rows in float64, 0 where the label is ignored; None for no weights.

        Also None for weights of single elements.
        """
        weight = None
        if given is not None:
            if given.size != len(targets):
                return None
            weight = given.reshape(-1).astype(np.float64)
        ignored = dict(self.loss.settings).get("ignore_index")
        if ignored is None or not self.labels:
            return weight
        weight = np.ones(len(targets)) if weight is None else weight
        return np.where(targets == ignored, 0.0, weight)

    def _counts(self, targets: Numbers) -> Numbers | None:
        """Return the class weight of each label, that of class 0 for one that is no class."""
        if self.class_weight is None or not self.labels:
            return None
        known = (targets >= 0) & (targets < self.features)
        counts: Numbers = self.class_weight[np.where(known, targets, 0)]
        return counts

    def _shares(self, weight: Numbers, counts: Numbers | None) -> Numbers:
        """Return w / Σ w c, the sum over all losses of the batch; zeros if it is 0."""
        weight = weight / _largest(weight)
        total = np.sum(weight if counts is None else weight * counts) * self._terms
        return weight / (np.inf if total == 0 else total)

    @cached_property
    def _terms(self) -> int:
        """How many losses a row has."""
        return 1 if LOSSES[self.loss.name].per_row else self.features


def fused_loss(loss: Loss, features: int, dtype: Any, *, labels: bool) -> FusedLoss | None:
    """Return the kernel that computes `loss`, or None if there is none.

    Parameters
    ----------
    loss : Loss
        The loss.
    features : int
        The width of the logits.
    dtype : dtype
        float32 or float64, that of the logits.
    labels : bool
        Whether the targets are one class label for each row.

    Returns
    -------
    FusedLoss or None
        None for a loss of the user's own, and where targets or settings do not fit the loss or the
        width, about which the loss itself has something to say.

    Raises
    ------
    ValueError
        If a weight among the settings is too large for `dtype`.
    """
    function = None if loss.custom is not None else LOSSES[loss.name]
    if function is None or features < 1:
        return None
    if labels != (function.expects == "classes") and not function.soft_labels:
        return None
    dtype = np.dtype(dtype)
    given = _loss_settings.as_arrays(np, dict(loss.settings), np.empty((0, features), dtype))
    class_weight = given.get("class_weight")
    if class_weight is not None and class_weight.shape != (features,):
        return None
    kernel, numbers = loss.name, np.zeros(0)
    if loss.name == "cross_entropy":
        smoothing = given.get("label_smoothing", 0.0)
        rest = smoothing / features
        if not labels:
            kernel, numbers = "cross_entropy_distributions", np.array([1 - smoothing, rest])
        elif smoothing:
            kernel, numbers = "cross_entropy_smooth", np.array([1 - smoothing + rest, rest])
    elif loss.name == "binary_cross_entropy":
        weight = given.get("pos_weight", 1.0)
        if np.shape(weight) not in ((), (features,)):
            return None
        numbers = np.broadcast_to(weight, (features,))
    elif loss.name == "huber":
        numbers = np.array([given.get("delta", 1.0)])
    with np.errstate(all="ignore"):  # a float may be too large or too small for float32
        settings = numbers if kernel in _TERMS else numbers.astype(dtype)
    return FusedLoss(kernel, loss, features, dtype, labels, settings, class_weight)


@functools.lru_cache(maxsize=16)
def _uniform(rows: int, weight: float, dtype: np.dtype[Any]) -> Numbers:
    """Return equal weights: they are the same in every step with as many rows."""
    weights = np.full(rows, weight, dtype=dtype)
    weights.setflags(write=False)
    return weights


def _largest(weight: Numbers) -> Any:
    """Return the largest weight, or 1 where there is none above 0."""
    top = weight.max(initial=0)
    return top if top > 0 else 1.0
