"""The shares of rows, and of elements, that are predicted right."""

from dataclasses import dataclass
from typing import Any

from mlpcore.training.metrics.metric import Metric, Place
from mlpcore.training.metrics.statistic import State, Statistic, labels, share


@dataclass(frozen=True)
class RightRows(Statistic):
    """How many rows have their class among the `k` largest logits, and how many there are."""

    k: int = 1

    def of(self, xp: Any, z: Any, t: Any, counts: Any, *, multilabel: bool) -> State:  # noqa: ARG002
        """Return (right, rows) of one batch."""
        if self.k == 1:
            predicted, true = labels(z, t)
            right = predicted == true
        else:
            right = _rank(xp, z, t if t.ndim == 1 else t.argmax(1)) < self.k
        if counts is None:
            return xp.count_nonzero(right), z.shape[0]
        return xp.count_nonzero(right & counts), xp.count_nonzero(counts)


def _rank(xp: Any, z: Any, t: Any) -> Any:
    """Return how many logits of each row come before that of class t.

    Of equal logits the one of the lower class comes first, as it does for `argmax`, so that logits
    that are all alike are not all right.  NaN comes before every number.
    """
    t = t.astype(xp.int64).reshape(-1, 1)
    inside = (t >= 0) & (t < z.shape[1])  # a label that is ignored need not be a class
    own = xp.take_along_axis(z, xp.where(inside, t, 0), axis=1)
    before = ~(z <= own) | ((z == own) & (xp.arange(z.shape[1]) < t))
    return xp.sum(before, axis=1)


@dataclass(frozen=True)
class RightElements(Statistic):
    """How many elements are on the right side of probability 1/2, and how many there are."""

    def of(self, xp: Any, z: Any, t: Any, counts: Any, *, multilabel: bool) -> State:  # noqa: ARG002
        """Return (right, elements) of one batch."""
        return xp.count_nonzero((z > 0) == (t.reshape(z.shape) > 0.5)), z.size


def _right(place: Place, seen: State) -> Any:
    return share(place.xp, *seen)


ACCURACY = Metric("accuracy", RightRows(), _right, "classes", "larger")
"""The share of rows whose class has the largest logit; 0 where no row counts, as the loss is."""

BINARY_ACCURACY = Metric("binary_accuracy", RightElements(), _right, "elements", "larger")
"""The share of elements on the right side of probability 1/2: 1 - Hamming loss."""


def top_k_accuracy(k: int) -> Metric:
    """Return the share of rows whose class is among those with the `k` largest logits."""
    return Metric(f"top_{k}_accuracy", RightRows(k), _right, "classes", "larger", classes=k + 1)
