"""Precision, recall and F1: how many of the rows found are right, and of the right ones found.

With tp the rows of a class that are predicted to be of it, p all rows predicted so, and a all rows
that are of it:

    precision = tp / p,    recall = tp / a,    F1 = 2 tp / (p + a)

A ratio whose denominator is 0 counts 0
(https://en.wikipedia.org/wiki/Precision_and_recall, .../F-score).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mlpcore.training.metrics.metric import Metric, Place
from mlpcore.training.metrics.statistic import State, Statistic, labels


@dataclass(frozen=True)
class Confusion(Statistic):
    """tp, p and a of each class, shape (classes,), and whether all classes count in a mean.

    One logit a row makes two classes.  With a yes or no for each column the columns are the
    classes, and count in a mean though nobody has seen them.
    """

    def of(self, xp: Any, z: Any, t: Any, counts: Any, *, multilabel: bool) -> State:
        """Return (tp, p, a, multilabel) of one batch."""
        if multilabel and z.shape[1] > 1:
            found, there = z > 0, t > 0.5
        else:
            predicted, true = labels(z, t)
            classes = xp.arange(max(z.shape[1], 2))
            found, there = (c.astype(xp.int64).reshape(-1, 1) == classes for c in (predicted, true))
        if counts is not None:
            found, there = found & counts[:, None], there & counts[:, None]
        sums = (xp.sum(c, axis=0, dtype=xp.float64) for c in (found & there, found, there))
        return (*sums, multilabel and z.shape[1] > 1)

    def merged(self, a: State, b: State) -> State:
        """Return the sums of both parts."""
        return (*super().merged(a[:-1], b[:-1]), a[-1])


def _ratio(xp: Any, part: Any, whole: Any) -> Any:
    return part / xp.maximum(whole, 1)  # where the whole is 0 the part is


_RATIOS: Mapping[str, Callable[[Any, Any, Any, Any], Any]] = {
    "precision": lambda xp, tp, p, a: _ratio(xp, tp, p),  # noqa: ARG005
    "recall": lambda xp, tp, p, a: _ratio(xp, tp, a),  # noqa: ARG005
    "f1": lambda xp, tp, p, a: _ratio(xp, 2 * tp, p + a),
}


def _binary(name: str) -> Metric:
    ratio = _RATIOS[name]

    def value(place: Place, state: State) -> Any:
        return ratio(place.xp, *state[:3])[1]

    return Metric(name, Confusion(), value, "binary", "larger")


def _macro(name: str) -> Metric:
    ratio = _RATIOS[name]

    def value(place: Place, state: State) -> Any:
        xp, (tp, p, a, multilabel) = place.xp, state
        seen = (p + a > 0) | multilabel
        return xp.sum(ratio(xp, tp, p, a) * seen) / xp.maximum(xp.sum(seen), 1)

    return Metric(f"{name}_macro", Confusion(), value, "classes", "larger")


PRECISION, RECALL, F1 = (_binary(name) for name in _RATIOS)
"""Of class 1 of two."""

PRECISION_MACRO, RECALL_MACRO, F1_MACRO = (_macro(name) for name in _RATIOS)
"""The mean over the classes that were predicted or are there."""
