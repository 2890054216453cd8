"""Loss and metrics of a model on data, without changing it."""

from collections.abc import Iterable, Sequence
from typing import Any

from mlpcore.backends.bound import BoundProgram
from mlpcore.nn.losses import Loss
from mlpcore.training.data import Data, take_data
from mlpcore.training.joined import joined
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
    z = joined(xp, [z for z, _, _ in parts], "logits")
    t = joined(xp, [t for _, t, _ in parts], "targets")
    L, _ = loss(xp, z, t, _weights(xp, parts))
    measures = Measures(Place(bound.backend, output), metrics, loss)
    measures.add(z, t)
    return numbers_of(bound.backend, {"loss": L} | measures.values())


def _weights(xp: Any, parts: Sequence[tuple[Any, Any, Any]]) -> Any:
    """Return the weights of all batches, which are 1 where one has none but others have."""
    given = next((weights for _, _, weights in parts if weights is not None), None)
    if given is None:
        return None
    return joined(
        xp,
        [
            xp.ones((len(z), *given.shape[1:]), dtype=z.dtype) if weights is None else weights
            for z, _, weights in parts
        ],
        "weights",
    )
