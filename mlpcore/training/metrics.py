"""How good predictions are, by name.

Each metric takes the array namespace, the logits of shape (rows, out) and the targets, and returns
an array of shape () on the same device.  Like the losses they look at logits: the largest logit has
the largest probability, and a logit above 0 has a sigmoid above 1/2.
"""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeAlias

Metric: TypeAlias = Callable[[Any, Any, Any], Any]


def accuracy(xp: Any, logits: Any, t: Any) -> Any:
    """Return the share of rows whose class is predicted right: the one with the largest logit.

    With one logit a row the classes are 0 and 1, told apart by its sign.  Targets given as
    probabilities stand for their likeliest class.
    """
    if logits.shape[1] == 1:
        return xp.mean((logits > 0) == (t.reshape(logits.shape) > 0.5), dtype=logits.dtype)
    if t.ndim == 2:
        t = xp.argmax(t, axis=1)
    return xp.mean(xp.argmax(logits, axis=1) == t, dtype=logits.dtype)


def binary_accuracy(xp: Any, logits: Any, t: Any) -> Any:
    """Return the share of elements on the right side of probability 1/2."""
    return xp.mean((logits > 0) == (t.reshape(logits.shape) > 0.5), dtype=logits.dtype)


def mean_absolute_error(xp: Any, logits: Any, t: Any) -> Any:
    """Return the mean of abs(y - t) over all elements."""
    return xp.mean(xp.abs(logits - t.reshape(logits.shape)))


def root_mean_squared_error(xp: Any, logits: Any, t: Any) -> Any:
    """Return the root of the mean of (y - t)² over all elements."""
    return xp.sqrt(xp.mean(xp.square(logits - t.reshape(logits.shape))))


def r2(xp: Any, logits: Any, t: Any) -> Any:
    """Return the coefficient of determination, 1 - Σ(y - t)² / Σ(t - mean(t))².

    It is averaged over the outputs; a constant target counts 1 if it is met exactly and 0 otherwise
    (https://en.wikipedia.org/wiki/Coefficient_of_determination).
    """
    t = t.reshape(logits.shape)
    residual = xp.sum(xp.square(logits - t), axis=0)
    total = xp.sum(xp.square(t - xp.mean(t, axis=0)), axis=0)
    constant = total == 0
    score = 1 - residual / xp.where(constant, 1, total)
    return xp.mean(xp.where(constant, xp.where(residual == 0, 1.0, 0.0).astype(t.dtype), score))


METRICS: Mapping[str, Metric] = {
    "accuracy": accuracy,
    "binary_accuracy": binary_accuracy,
    "mae": mean_absolute_error,
    "rmse": root_mean_squared_error,
    "r2": r2,
}
"""The metrics by the name that `fit` and `evaluate` take."""

_DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "cross_entropy": ("accuracy",),
    "nll": ("accuracy",),
    "binary_cross_entropy": ("binary_accuracy",),
}


def resolve_metrics(names: Sequence[str] | str | None, loss: str) -> tuple[str, ...]:
    """Return the names of the metrics to compute.

    Parameters
    ----------
    names : sequence of str, str or None
        None stands for the accuracy that belongs to a classification loss, and for nothing
        elsewhere.
    loss : str
        The name of the loss.

    Raises
    ------
    ValueError
        If a name is unknown; the message lists the known ones.
    """
    if names is None:
        return _DEFAULTS.get(loss, ())
    chosen = (names,) if isinstance(names, str) else tuple(names)
    for name in chosen:
        if name not in METRICS:
            close = get_close_matches(str(name), METRICS, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ValueError(f"unknown metric {name!r}; known are {', '.join(METRICS)}{hint}")
    return chosen
