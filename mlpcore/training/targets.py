"""Targets and sample weights brought to the rows and the device of a batch."""

from typing import Any

from mlpcore.backends.arrays import bring_in, kind_of
from mlpcore.backends.base import Backend
from mlpcore.nn.losses import Loss
from mlpcore.passes import Batch


def take_targets(
    backend: Backend, batch: Batch, t: Any, out_features: int, loss: Loss, dtype: Any
) -> Any:
    """Return `t` with one entry or one row for each row of `batch`, on the backend's device.

    `t` has the leading shape of the input, alone (a class or a value for each sample) or followed
    by one axis.  Labels stay integers; everything else is converted to `dtype`.

    Raises
    ------
    TypeError, ValueError
        If `t` does not fit the batch or `loss`.
    """
    kind = kind_of(t)
    array = bring_in(t, kind)
    rows = batch.rows.shape[0]
    if array.shape == batch.lead:
        array = array.reshape(rows)
    elif array.ndim > 0 and array.shape[:-1] == batch.lead:
        array = array.reshape(rows, array.shape[-1])
    loss.validate(
        (rows, out_features), array
    )  # on the host if it came from there: labels are looked at
    keep = array.dtype if array.dtype.kind in "iu" else dtype
    return backend.receive(array, kind_of(array), keep)


def take_weights(backend: Backend, batch: Batch, sample_weight: Any, dtype: Any) -> Any:
    """Return `sample_weight` as a vector with one weight for each row of `batch`, or None.

    Raises
    ------
    ValueError
        If its shape is not the leading shape of the input, or (host arrays only, since looking at a
        device would wait for it) a weight is negative or NaN.
    """
    if sample_weight is None:
        return None
    kind = kind_of(sample_weight)
    array = bring_in(sample_weight, kind)
    if array.shape != batch.lead:
        raise ValueError(
            "sample_weight must have one weight for each sample, "
            f"shape {batch.lead}; got {tuple(array.shape)}"
        )
    if not kind.on_gpu and not bool((array >= 0).all()):
        raise ValueError("sample_weight must not be negative or NaN")
    return backend.receive(array.reshape(batch.rows.shape[0]), kind_of(array), dtype)
