"""The metrics of a stretch of batches: an epoch of training, or an evaluation."""

from collections.abc import Sequence
from typing import Any

from mlpcore.nn.losses import Loss
from mlpcore.training.metrics.metric import Metric, Place
from mlpcore.training.metrics.statistic import State, Statistic


class Measures:
    """Takes in batch after batch, and tells the metrics of all of them.

    Parameters
    ----------
    place : Place
        Where the arrays are.
    metrics : sequence of Metric
        What to tell; `check_metrics` has passed them.
    loss : Loss
        The loss that takes the targets: rows whose label it ignores do not count.
    """

    def __init__(self, place: Place, metrics: Sequence[Metric], loss: Loss) -> None:
        self._place, self._metrics = place, metrics
        self._ignored = dict(loss.settings).get("ignore_index")
        self._multilabel = loss.expects == "probabilities"
        self._statistics: tuple[Statistic, ...] = tuple({m.statistic: None for m in metrics})
        self._nothing = not metrics and self._ignored is None
        self._seen: list[State] = []

    def add(self, z: Any, t: Any) -> Any:
        """Take in the logits `z`, shape (rows, out), and targets `t` of a batch.

        Returns
        -------
        int or array of shape ()
            How many rows count.
        """
        if self._nothing:
            return z.shape[0]
        xp, seen = self._place.xp, self._seen
        counts = None if self._ignored is None else _counts(xp, t, self._ignored)
        multilabel = self._multilabel
        found = [s.of(xp, z, t, counts, multilabel=multilabel) for s in self._statistics]
        if seen:
            found = [s.merged(*ab) for s, *ab in zip(self._statistics, seen, found, strict=True)]
        self._seen = found
        return z.shape[0] if counts is None else xp.sum(counts)

    def values(self, *, brief: bool = False) -> dict[str, Any]:
        """Return each metric by name: arrays of shape () on the device, or numbers.

        With `brief` those are left out that need more than a few numbers; without any batch all.
        """
        if not self._seen:
            return {}
        found = dict(zip(self._statistics, self._seen, strict=True))
        return {
            m.name: m.value(self._place, found[m.statistic])
            for m in self._metrics
            if m.statistic.brief or not brief
        }

    def state(self) -> list[State]:
        """Return what was seen so far, for a checkpoint; it is not to be changed."""
        return self._seen

    def load(self, state: Sequence[State]) -> None:
        """Go on after what `state` returned.

        Raises
        ------
        ValueError
            If it belongs to other metrics.
        """
        if state and len(state) != len(self._statistics):
            raise ValueError("the checkpoint has seen its epoch with other metrics")
        self._seen = list(state)


def _counts(xp: Any, t: Any, ignore_index: int) -> Any:
    # Widened first: an unsigned dtype cannot be compared with a negative number everywhere.
    return t.astype(xp.int64) != ignore_index
