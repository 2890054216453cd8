"""Loss and metrics of a model on data, without changing it."""

from collections.abc import Sequence
from typing import Any

from mlpcore.backends.bound import BoundProgram
from mlpcore.nn.losses import Loss
from mlpcore.passes import take
from mlpcore.training.metrics import METRICS
from mlpcore.training.targets import take_targets, take_weights


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
        The weight of each row in the loss; metrics count rows alike.

    Raises
    ------
    TypeError, ValueError
        If something does not fit, or there is no row.
    """
    backend, program = bound.backend, bound.program
    with backend.active():
        batch = take(backend, x, program.in_features, bound.dtype)
        if batch.rows.shape[0] == 0:
            raise ValueError("cannot evaluate on no rows")
        targets = take_targets(backend, batch, t, program.out_features, loss, bound.dtype)
        weights = take_weights(backend, batch, sample_weight, bound.dtype)
        return evaluate_rows(
            bound, batch.rows, targets, loss=loss, metrics=metrics, weights=weights
        )


def evaluate_rows(
    bound: BoundProgram, x: Any, t: Any, *, loss: Loss, metrics: Sequence[str], weights: Any = None
) -> dict[str, float]:
    """Return the same for rows that are already checked and on the model's device."""
    xp = bound.backend.xp
    logits, _ = bound.forward(x)
    L, _ = loss(xp, logits, t, weights)
    return {"loss": float(L)} | {name: float(METRICS[name](xp, logits, t)) for name in metrics}
