"""What a loss of the table is, and how weights and reduction combine around its formula."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from ..typing import Array, Namespace
from .labels import located
from .reduction import Reduction, largest, reduce

Targets: TypeAlias = Literal["classes", "probabilities", "counts", "values"]
"""The targets of a loss: a label for each row, or for each element a number, one in [0, 1], or one
that is not negative."""


@dataclass(frozen=True)
class LossFunction:
    """A loss, unreduced, together with what one must know to call it.

    Attributes
    ----------
    each : callable
        ``each(xp, z, t, **settings) -> (l, dz)``: the unweighted loss of each row or element and
        dz = dl/dz in the shape and dtype of `z`.
    expects : {"classes", "probabilities", "counts", "values"}
        What the targets are.
    per_row : bool
        Whether l holds one number for each row, ``z.shape[:-1]``, or for each element, ``z.shape``.
    soft_labels : bool
        Whether a loss of classes takes a distribution over the classes instead of a label, too.
    defaults : mapping of str to object
        The settings with their defaults.  Every loss of classes also has ``class_weight``, which
        `each` applies, and ``ignore_index``, which weighs whole rows and does not reach it.
    """

    each: Callable[..., tuple[Array, Array]]
    expects: Targets
    per_row: bool = False
    soft_labels: bool = False
    defaults: Mapping[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> Mapping[str, Any]:
        """Every setting of the loss with its default."""
        rows = {"class_weight": None, "ignore_index": None} if self.expects == "classes" else {}
        return {**rows, **self.defaults}

    def __call__(
        self,
        xp: Namespace,
        z: Array,
        t: Array,
        *,
        sample_weight: Array | None = None,
        reduction: Reduction = "mean",
        class_weight: Array | None = None,
        ignore_index: int | None = None,
        **settings: Any,
    ) -> tuple[Array, Array]:
        """Return the reduced loss and its gradient dz.

        Parameters
        ----------
        xp : Namespace
            The array namespace.
        z : Array, shape (..., features)
            Logits where softmax or sigmoid belongs to the loss, float32 or float64.
        t : Array
            Integer labels of shape ``z.shape[:-1]``, or numbers in the shape and dtype of `z`.
        sample_weight : Array, optional
            Weights that are not negative, in the dtype of `z` or a wider one, shaped as
            ``z.shape[:-1]`` or as l.
        reduction : {"mean", "sum", "none"}, default "mean"
            See `reduce`.
        class_weight : Array, shape (classes,), optional
            The weight of each class, for a loss of classes, in the dtype of `z` or a wider one.  A
            mean over labels divides by the sum of their weights, one over distributions by their
            number.
        ignore_index : int, optional
            The label whose rows do not count, for a loss of classes; it need not be a class.
        **settings
            The loss's own settings.

        Returns
        -------
        loss : Array
            0-d for "mean" and "sum", the shape of l for "none".
        dz : Array
            The gradient of `loss` with respect to `z`; for "none" that of its sum.
        """
        weight, counts = sample_weight, None
        labels = self.expects == "classes" and t.ndim < z.ndim
        if ignore_index is not None and labels:
            weight = xp.ones_like(t, dtype=z.dtype) if weight is None else weight
            ignored = xp.astype(t, xp.int64, copy=False) == ignore_index
            weight = xp.where(ignored, xp.zeros_like(weight), weight)
        if class_weight is not None:
            if labels:
                counts = class_weight[located(xp, t, z.shape[-1]).index][..., 0]
            if labels and reduction == "mean":  # which a common factor of the weights leaves alone
                scale = largest(xp, counts)
                class_weight, counts = class_weight / scale, counts / scale
            settings["class_weight"] = xp.astype(class_weight, z.dtype, copy=False)
        loss, dz = self.each(xp, z, t, **settings)
        return reduce(xp, loss, dz, weight=weight, reduction=reduction, counts=counts)
