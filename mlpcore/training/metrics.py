"""How good predictions are, by name.

Each metric takes the array namespace, the logits of shape (rows, out) and the targets, and returns
an array of shape () on the same device.  Like the losses they look at logits: the largest logit has
the largest probability, and a logit above 0 has a sigmoid above 1/2.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from mlpcore.names import unknown
from mlpcore.nn.losses import Loss

Metric: TypeAlias = Callable[..., Any]


def accuracy(xp: Any, logits: Any, t: Any, ignore_index: int | None = None) -> Any:
    """Return the share of rows whose class is predicted right: the one with the largest logit.

    With one logit a row the classes are 0 and 1, told apart by its sign.  Targets given as
    probabilities stand for their likeliest class.  Rows with the label `ignore_index` do not count;
    where no row counts, the share is 0, as the loss is.
    """
    rows = logits.shape[0]
    if logits.shape[1] == 1:
        right = (logits > 0).reshape(rows) == (t.reshape(rows) > 0.5)
    else:
        right = xp.argmax(logits, axis=1) == (t if t.ndim == 1 else xp.argmax(t, axis=1))
    if ignore_index is None:
        return xp.asarray(xp.count_nonzero(right), dtype=logits.dtype) / max(rows, 1)
    counts = _counts(xp, t, ignore_index)
    return xp.sum(right & counts) / xp.maximum(xp.sum(counts), 1)


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
    t = t.reshape(logits.shape).astype(logits.dtype)
    residual = xp.sum(xp.square(logits - t), axis=0)
    total = xp.sum(xp.square(t - xp.mean(t, axis=0)), axis=0)
    constant = total == 0
    score = 1 - residual / xp.where(constant, 1, total)
    return xp.mean(xp.where(constant, (residual == 0).astype(t.dtype), score))


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


def resolve_metrics(names: Sequence[str] | str | None, loss: Loss) -> tuple[str, ...]:
    """Return the names of the metrics to compute.

    Parameters
    ----------
    names : sequence of str, str or None
        None stands for the accuracy that belongs to a classification loss, and for nothing
        elsewhere, also for a loss of a user's own.
    loss : Loss
        The loss beside which they are computed.

    Raises
    ------
    ValueError
        If a name is unknown; the message lists the known ones.
    """
    if names is None:
        return _DEFAULTS.get(loss.name, ()) if loss.custom is None else ()
    chosen = (names,) if isinstance(names, str) else tuple(names)
    for name in chosen:
        if name not in METRICS:
            raise unknown("metric", name, METRICS)
    return chosen


def check_metrics(
    names: Sequence[str], loss: Loss, z_shape: tuple[int, ...], t_shape: tuple[int, ...], dtype: Any
) -> None:
    """Raise ValueError unless each metric can compare logits with such targets.

    Parameters
    ----------
    names : sequence of str
        Names out of `METRICS`.
    loss : Loss
        The loss that takes the targets.
    z_shape, t_shape : tuple of int
        The shapes of logits, (..., out), and targets.
    dtype : numpy.dtype
        The dtype of the targets.
    """
    lead, width = z_shape[:-1], z_shape[-1]
    labels = t_shape == lead and (width > 1 or loss.expects == "classes")
    for name in names:
        if name == "accuracy":
            fits = t_shape == z_shape or (t_shape == lead and (width == 1 or dtype.kind in "iub"))
            alone = "numbers" if width == 1 else "integer class labels"
            expected = f"{lead} ({alone}) or {z_shape}"
        else:
            fits = t_shape == z_shape or (t_shape == lead and not labels)
            expected = f"{lead} or {z_shape}" if width == 1 and not labels else f"{z_shape}"
        if not fits:
            raise ValueError(
                f"metric {name!r} for logits of shape {z_shape} expects targets of shape "
                f"{expected}; got shape {t_shape}, dtype {dtype}"
            )


def measure(xp: Any, names: Sequence[str], logits: Any, t: Any, loss: Loss) -> dict[str, Any]:
    """Return each metric of `logits` and `t`, which `check_metrics` has passed, by name."""
    ignored = dict(loss.settings).get("ignore_index")
    # Only labels are ignored, and only the accuracy takes labels.
    options = {} if ignored is None else {"ignore_index": ignored}
    return {name: METRICS[name](xp, logits, t, **options) for name in names}


def counted_rows(xp: Any, t: Any, loss: Loss) -> Any:
    """Return how many rows of `t` count: all but those with the label that `loss` ignores."""
    ignored = dict(loss.settings).get("ignore_index")
    return t.shape[0] if ignored is None else xp.sum(_counts(xp, t, ignored))


def _counts(xp: Any, t: Any, ignore_index: int) -> Any:
    # Widened first: an unsigned dtype cannot be compared with a negative number everywhere.
    return t.astype(xp.int64) != ignore_index
