"""A loss of logits and its gradient, reduced on the device."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import checked, same_shape
from ..compiler import THREADS, Factory, blocks_to_stride, launch
from ..groups import group_size, groups_of_block
from ..sums import sum_of
from .cross_entropy import cross_entropy
from .elements import ELEMENTS, elements
from .nll import nll
from .row_weights import row_weights
from .soft_cross_entropy import distribution_terms, label_terms

NAMES = ("cross_entropy", "nll", *ELEMENTS)
"""The losses that there are."""


def loss_and_gradient(
    name: str,
    z: Any,
    t: Any,
    *,
    reduction: str = "mean",
    sample_weight: Any = None,
    class_weight: Any = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    pos_weight: Any = 1.0,
    delta: float = 1.0,
    out: Any = None,
) -> tuple[Any, Any]:
    """Return the reduced loss and its gradient dz, as the reference's loss of this name does.

    Two launches, one that reads z and t and writes dz and the losses of rows, and one that sums
    these; a third before them where rows or classes have weights.  No values are looked at: a label
    out of range makes the loss and dz of its row NaN.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    z : cupy.ndarray, shape (rows, features)
        Logits, log-probabilities for nll, or predictions; float32 or float64, C-contiguous.
    t : cupy.ndarray
        Labels, integers of shape (rows,); or numbers in the shape and dtype of `z`.
    reduction : {"mean", "sum"}
        How the losses of rows, or those of elements, combine.
    sample_weight : cupy.ndarray, shape (rows,), optional
        Weights that are not negative, float32 or float64.
    class_weight : cupy.ndarray, shape (features,), optional
        Weights of classes, float64, for cross_entropy and nll.
    ignore_index : int, optional
        The label whose rows do not count.
    label_smoothing : float
        The ε of cross_entropy.
    pos_weight : float or cupy.ndarray, shape () or (features,)
        The weight of the positive class of binary_cross_entropy, in the dtype of `z`.
    delta : float
        The δ of huber.
    out : cupy.ndarray, optional
        Where dz goes, in the shape of `z`; it may be `z` itself.

    Returns
    -------
    loss : cupy.ndarray, shape ()
        In the dtype of `z`; on the device, which nobody waits for.
    dz : cupy.ndarray, shape (rows, features)
        Its gradient.

    Raises
    ------
    ValueError
        For an unknown name or reduction, and shapes that do not fit: weights of single elements are
        left to the reference.
    TypeError
        For a dtype that does not fit.
    """
    import cupy

    if name not in NAMES:
        raise ValueError(f"unknown loss {name!r}; there are {', '.join(NAMES)}")
    if reduction not in ("mean", "sum"):
        raise ValueError(f"no kernel reduces by {reduction!r}, only by mean or sum")
    out = cupy.empty_like(z) if out is None else out
    rows, features = z.shape
    labels = t if t.ndim == 1 and name in ("cross_entropy", "nll") else None
    checked(z.dtype, z=z, out=out)
    same_shape(z.shape, out=out)
    if labels is None:
        checked(z.dtype, t=t)
        same_shape(z.shape, t=t)
    else:
        labels = t = cupy.ascontiguousarray(t, np.int64)
        same_shape((rows,), t=t)
    same_shape((rows,), sample_weight=sample_weight)
    same_shape((features,), class_weight=class_weight)
    if labels is None:
        ignore_index = None

    soft = name == "cross_entropy" and (labels is None or label_smoothing != 0)
    by_class = soft and class_weight is not None
    counted = class_weight if labels is not None else None
    terms = features if name in ELEMENTS else 1
    share = 1.0 / max(rows * terms, 1) if reduction == "mean" else 1.0
    weights = scaled = None
    given = sample_weight
    if given is not None:
        wide = given.dtype != np.float32
        given = cupy.ascontiguousarray(given, np.float64 if wide else np.float32)
    if given is not None or counted is not None or ignore_index is not None:
        weights, scaled = row_weights(
            rows,
            z.dtype,
            mean=reduction == "mean",
            terms=terms,
            given=given,
            labels=labels,
            classes=features,
            ignore_index=ignore_index,
            class_weight=None if counted is None else cupy.ascontiguousarray(counted, np.float64),
            by_class=by_class and counted is not None,
        )
    if by_class and scaled is None:
        scaled = cupy.ascontiguousarray(class_weight, z.dtype)

    losses = cupy.empty(rows, z.dtype)
    size, weighted, real = group_size(features), weights is not None, z.dtype.type
    w = losses if weights is None else weights  # any address where none is read
    sizes = (np.int64(rows), np.int64(features), real(share))
    if name in ELEMENTS:
        several = not isinstance(pos_weight, float | int)
        p = losses
        if several:  # also where one number lies on the device
            p = cupy.ascontiguousarray(cupy.broadcast_to(pos_weight, (features,)), z.dtype)
        setting = real(delta if name == "huber" else 0.0 if several else pos_weight)
        variant: tuple[Any, ...] = (name, size, weighted, several)
        _launch(elements, variant, size, z, (t, p, w, losses, out, *sizes, setting))
    elif soft:
        rest = label_smoothing / features if features else 0.0
        on = 1.0 - label_smoothing + (0.0 if labels is None else rest)
        of_terms: Factory = distribution_terms if labels is None else label_terms
        variant = (size, weighted, by_class)
        c = losses if scaled is None else scaled
        _launch(of_terms, variant, size, z, (t, c, w, losses, out, *sizes, real(on), real(rest)))
    else:
        factory = cross_entropy if name == "cross_entropy" else nll
        _launch(factory, (size, weighted), size, z, (t, w, losses, out, *sizes))
    return sum_of(losses), out


def _launch(factory: Factory, variant: Any, size: int, z: Any, arguments: tuple[Any, ...]) -> None:
    groups = groups_of_block(size)
    blocks = blocks_to_stride(-(-len(z) // groups) * THREADS)
    launch(factory, variant, z.dtype, blocks, (z, *arguments))
