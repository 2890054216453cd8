"""Loss and metrics of a model on data, without changing it."""

from collections.abc import Iterable, Sequence
from typing import Any

from mlpcore.backends.bound import BoundProgram
from mlpcore.nn.losses import Loss
from mlpcore.training.data import Data, take_data
from mlpcore.training.metrics import Measures, Metric, Place, check_metrics
from mlpcore.training.metrics.metric import Output
from mlpcore.training.numbers_of import numbers_of


def take_measured(
    bound: BoundProgram,
    x: Any,
    t: Any,
    sample_weight: Any,
    *,
    loss: Loss,
    metrics: Sequence[Metric],
) -> Data:
    """Return data that `loss` and `metrics` can measure, at least one row of it.

    Raises
    ------
    TypeError, ValueError
        If something does not fit, or there is no row.
    """
    data = take_data(bound, x, t, loss, sample_weight)
    lead = data.batch.lead
    if data.rows == 0:
        raise ValueError(f"x has no rows: its shape is {(*lead, bound.program.in_features)}")
    z_shape, t_shape = (*lead, bound.program.out_features), (*lead, *data.t.shape[1:])
    check_metrics(metrics, loss, z_shape, t_shape, data.t.dtype)
    return data


def evaluate(
    bound: BoundProgram,
    batches: Iterable[tuple[Any, Any, Any]],
    *,
    loss: Loss,
    metrics: Sequence[Metric],
    output: Output,
) -> dict[str, float]:
    """Return the data loss L, under ``"loss"``, and each metric, as Python numbers.

    The logits of all batches are brought together first, so that it does not matter where one
    batch ends and the next begins.

    Parameters
    ----------
    bound : BoundProgram
        The network and its parameters; its backend must be active.
    batches : iterable of (x, t, sample_weight)
        Rows as `take_measured` has checked them, on the device; weights of None are 1.
    loss : Loss
        The loss of the logits.
    metrics : sequence of Metric
        What else to tell.  They count rows alike, except that those whose label the loss ignores
        do not count.
    output : callable
        ``(xp, z)`` to predictions.
    """
    xp = bound.backend.xp
    parts = [(bound.forward(x)[0], t, weights) for x, t, weights in batches]
    weighted = any(weights is not None for _, _, weights in parts)
    z, t = (_joined(xp, [part[i] for part in parts]) for i in (0, 1))
    weights = _joined(xp, [_ones(xp, *part) for part in parts]) if weighted else None
    L, _ = loss(xp, z, t, weights)
    measures = Measures(Place(bound.backend, output), metrics, loss)
    measures.add(z, t)
    return numbers_of(bound.backend, {"loss": L} | measures.values())


def _joined(xp: Any, parts: Sequence[Any]) -> Any:
    return parts[0] if len(parts) == 1 else xp.concatenate(parts)


def _ones(xp: Any, z: Any, t: Any, weights: Any) -> Any:  # noqa: ARG001
    """Return the weights of a batch, which are 1 where it has none but others have."""
    return xp.ones(z.shape[0], dtype=z.dtype) if weights is None else weights
