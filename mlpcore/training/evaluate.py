"""Loss and metrics of a model on data, without changing it."""

from collections.abc import Sequence
from typing import Any

from mlpcore.backends.bound import BoundProgram
from mlpcore.nn.losses import Loss
from mlpcore.training.data import Data, take_data
from mlpcore.training.metrics import check_metrics, measure
from mlpcore.training.numbers_of import numbers_of


def take_measured(
    bound: BoundProgram,
    x: Any,
    t: Any,
    sample_weight: Any,
    *,
    loss: Loss,
    metrics: Sequence[str],
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
    x: Any,
    t: Any,
    *,
    loss: Loss,
    metrics: Sequence[str],
    sample_weight: Any = None,
) -> dict[str, float]:
    """Return the data loss L, under ``"loss"``, and each metric, as Python numbers.

    Parameters
    ----------
    bound : BoundProgram
        The network and its parameters.
    x, t : array
        The data; as for `Trainer.step`.
    loss : Loss
        The loss of the logits.
    metrics : sequence of str
        Names out of `METRICS`.
    sample_weight : array, shape (rows,), optional
        The weight of each row in the loss; metrics count rows alike, except that those whose label
        the loss ignores do not count.

    Raises
    ------
    TypeError, ValueError
        If something does not fit, or there is no row.
    """
    with bound.backend.active():
        data = take_measured(bound, x, t, sample_weight, loss=loss, metrics=metrics)
        return evaluate_data(bound, data, loss=loss, metrics=metrics)


def evaluate_data(
    bound: BoundProgram, data: Data, *, loss: Loss, metrics: Sequence[str]
) -> dict[str, float]:
    """Return the same for data that `take_measured` has checked."""
    xp = bound.backend.xp
    logits, _ = bound.forward(data.x)
    L, _ = loss(xp, logits, data.t, data.sample_weight)
    found = {"loss": L} | measure(xp, metrics, logits, data.t, loss)
    return numbers_of(bound.backend, found)
