"""Inputs, targets and weights checked together, and brought as rows to the model's device."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mlpcore.backends.arrays import bring_in, common_kind, kind_of
from mlpcore.backends.bound import BoundProgram
from mlpcore.batch import Batch, take
from mlpcore.nn.losses import Loss


@dataclass(frozen=True)
class Data:
    """A batch with its targets, fit for a model and a loss, on the model's device.

    Attributes
    ----------
    batch : Batch
        The input.
    t : array, shape (rows,) or (rows, k)
        The targets.
    sample_weight : array, shape (rows,) or (rows, k), or None
        The weights in the loss.
    """

    batch: Batch
    t: Any
    sample_weight: Any

    @property
    def x(self) -> Any:
        """The input as rows, shape (rows, features)."""
        return self.batch.rows

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self.batch.rows.shape[0])


def take_data(bound: BoundProgram, x: Any, t: Any, loss: Loss, sample_weight: Any = None) -> Data:
    """Return data as rows on the device of `bound`, or raise before any work.

    Parameters
    ----------
    bound : BoundProgram
        The program that will run; it is not changed.
    x : array, shape (..., features)
        The input.
    t : array, shape (...) or (..., k)
        The targets: the leading shape of the input, and behind it what `loss` takes for a sample.
        Integers and booleans, which may be labels, are kept; everything else becomes the model's
        dtype.
    loss : Loss
        The loss that will compare them.
    sample_weight : array, shape (...) or (..., k), or None
        The weights in the loss.

    Returns
    -------
    Data
        What fits together.

    Raises
    ------
    TypeError
        If the arrays are of different kinds, on another device, or do not hold real numbers.
    ValueError
        If a shape does not fit, or a value on the host is none that `loss` takes.  Values on a GPU
        are not looked at, since that would wait for it.
    """
    common_kind(x=x, t=t, sample_weight=sample_weight)
    batch = take(bound.backend, x, bound.program.in_features, bound.dtype)
    targets = bring_in(t, kind_of(t))
    if targets.shape[: len(batch.lead)] != batch.lead:
        raise ValueError(
            f"t must begin with {batch.lead}, the leading shape of x, to have one target for each "
            f"sample; got shape {targets.shape}"
        )
    weights = None
    if sample_weight is not None:
        weights = bring_in(sample_weight, kind_of(sample_weight))
        with np.errstate(all="ignore"):  # what overflows in the dtype of the work is refused below
            weights = weights.astype(bound.dtype, copy=False)
    # Before they cross to the device, because values are looked at on the host only.
    loss.validate((*batch.lead, bound.program.out_features), targets, weights)
    keep = targets.dtype if targets.dtype.kind in "iub" else bound.dtype
    return Data(
        batch,
        _rows(bound, batch, targets, keep),
        None if weights is None else _rows(bound, batch, weights, bound.dtype),
    )


def _rows(bound: BoundProgram, batch: Batch, array: Any, dtype: Any) -> Any:
    """Return `array` on the device of `bound` with the leading axes of the batch made one."""
    rows = array.reshape(batch.rows.shape[0], *array.shape[len(batch.lead) :])
    return bound.backend.receive(rows, kind_of(rows), dtype)
