"""Metrics that need every score at once: the area under the ROC curve, and a user's own.

They keep the logits and targets of an epoch, and are computed on the host at its end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np

from mlpcore.training.joined import joined
from mlpcore.training.metrics.metric import Better, Metric, Place
from mlpcore.training.metrics.statistic import State, Statistic

OwnMetric: TypeAlias = Callable[[Any, Any], Any]
"""A user's own metric: ``(y, t) -> number``."""


@dataclass(frozen=True)
class Everything(Statistic):
    """The logits, targets and counts of all batches, one list each."""

    brief: ClassVar[bool] = False

    def of(self, xp: Any, z: Any, t: Any, counts: Any, *, multilabel: bool) -> State:  # noqa: ARG002
        """Return lists of one array each."""
        return [z], [t], [counts], multilabel

    def merged(self, a: State, b: State) -> State:
        """Add the lists of `b` to those of `a`."""
        for mine, new in zip(a[:3], b[:3], strict=True):
            mine.extend(new)
        return a


def _fetched(place: Place, state: State, change: Callable[[Any, Any], Any] | None) -> Any:
    """Return logits, or what `change` makes of them, and targets of the rows that count."""
    xp = place.xp
    z, t = joined(xp, state[0], "logits"), joined(xp, state[1], "targets")
    if change is not None:
        with np.errstate(all="ignore"):
            z = change(xp, z)
    z, t = (place.backend.to_host(array) for array in (z, t))
    if state[2][0] is None:
        return z, t
    counts = np.concatenate([place.backend.to_host(part) for part in state[2]])
    return z[counts], t[counts]


def own_metric(
    function: OwnMetric, name: str | None = None, better: Better | None = None
) -> Metric:
    """Return a metric of a user's own.

    Parameters
    ----------
    function : callable
        ``(y, t) -> number``: called at the end of each epoch, and by `evaluate`, with what the
        model predicts, shape (rows, out), and the targets, both as NumPy arrays of all rows.
    name : str, optional
        What to call it; by default the name of the function.
    better : {"larger", "smaller"}, optional
        Which of two values is the better one, for callbacks that ask.
    """

    def value(place: Place, state: State) -> float:
        y, t = _fetched(place, state, place.output)
        found = function(y, t)
        try:
            return float(found)
        except (TypeError, ValueError):
            raise TypeError(f"metric {called!r} must return one number, got {found!r}") from None

    called = getattr(function, "__name__", type(function).__name__) if name is None else name
    return Metric(called, Everything(), value, "anything", better)


def area_under_roc(score: Any, positive: Any) -> float:
    """Return the chance that a positive row has a larger score than a negative one.

    Equal scores count half: with the ranks r of all n₁ + n₀ scores, equal ones sharing the mean of
    theirs, it is (Σ r - n₁ (n₁ + 1) / 2) / (n₁ n₀), the sum being that of the positive rows
    (J. A. Hanley and B. J. McNeil, "The meaning and use of the area under a ROC curve" (1982)).

    Parameters
    ----------
    score : ndarray, shape (rows,)
        The scores.
    positive : ndarray of bool, shape (rows,)
        Which rows are positive.

    Returns
    -------
    float
        NaN where a score is NaN, or all rows are of one sort.
    """
    n1 = int(np.count_nonzero(positive))
    n0 = len(score) - n1
    if n1 == 0 or n0 == 0 or np.isnan(score).any():
        return float("nan")
    ascending = np.sort(score)
    own = score[positive]
    below, upto = (np.searchsorted(ascending, own, side=side) for side in ("left", "right"))
    ranks = (below + upto + 1) / 2
    return float((ranks.sum() - n1 * (n1 + 1) / 2) / (n1 * n0))


def _roc_auc(place: Place, state: State) -> float:
    z, t = _fetched(place, state, None)
    width, multilabel = z.shape[1], state[3]
    if width == 1:
        return area_under_roc(z[:, 0], t.reshape(-1) > 0.5)
    if multilabel:
        return _mean_area(z, t > 0.5)
    true = t if t.ndim == 1 else t.argmax(axis=1)
    if width == 2:
        return area_under_roc(z[:, 1] - z[:, 0], true == 1)
    top = z - z.max(axis=1, keepdims=True)
    with np.errstate(all="ignore"):
        log_p = top - np.log(np.exp(top).sum(axis=1, keepdims=True))
    return _mean_area(log_p, true.reshape(-1, 1) == np.arange(width))


def _mean_area(scores: Any, positive: Any) -> float:
    return float(np.mean([area_under_roc(s, p) for s, p in zip(scores.T, positive.T, strict=True)]))


ROC_AUC = Metric("roc_auc", Everything(), _roc_auc, "classes", "larger")
"""The area under the ROC curve of two classes; of more the mean over them, each against the rest,
and with a yes or no for each column the mean over the columns.  NaN where a class is missing."""
