"""Where the minibatches of an estimator come from: arrays, or rows of a sparse matrix."""

from collections.abc import Iterator
from typing import Any

from scipy import sparse

from mlpcore.backends.bound import BoundProgram
from mlpcore.nn.losses import Loss
from mlpcore.training.sources.arrays import ArraySource
from mlpcore.training.sources.check import CheckBatch
from mlpcore.training.sources.order import Order
from mlpcore.training.sources.source import Minibatch, Source


class SparseSource(Source):
    """Minibatches of a sparse matrix, each made dense when it comes.

    Parameters
    ----------
    X : CSR matrix, shape (rows, features)
        The input, in the dtype of the model.
    t : ndarray, shape (rows,) or (rows, k)
        The targets.
    sample_weight : ndarray, shape (rows,), or None
        The weights.
    order : Order
        Which rows come when.
    check : CheckBatch
        Checks each batch and brings it to the device.
    """

    def __init__(self, X: Any, t: Any, sample_weight: Any, order: Order, check: CheckBatch) -> None:
        self._X, self._t, self._weight = X, t, sample_weight
        self._order, self._check = order, check

    @property
    def steps(self) -> int:
        """How many minibatches an epoch has."""
        return self._order.steps

    def epoch(self, number: int, start: int = 0) -> Iterator[Minibatch]:
        """Yield the minibatches of epoch `number` from its step `start` on."""
        t, weight = self._t, self._weight
        for part in self._order.epoch(number, start):
            weights = None if weight is None else weight[part]
            data = self._check.data(self._X[part].toarray(), t[part], weights)
            yield data.x, data.t, data.sample_weight


def make_source(
    bound: BoundProgram,
    loss: Loss,
    X: Any,
    t: Any,
    sample_weight: Any,
    *,
    batch_size: int,
    seed: int,
    shuffle: bool,
) -> Source:
    """Return the minibatches of checked rows; the backend of `bound` must be active.

    Raises
    ------
    ValueError
        If the last batch of an epoch is too small for batch normalisation, or targets are none
        that the loss takes.
    """
    rows = X.shape[0]
    _check_smallest_batch(bound, rows, batch_size)
    check = CheckBatch(bound, loss, finite=False)
    if sparse.issparse(X):
        order = Order(rows, batch_size, seed, shuffle=shuffle)
        check.targets(rows, t, sample_weight)
        return SparseSource(X, t, sample_weight, order, check)
    order = Order(rows, batch_size, seed, shuffle=shuffle, xp=bound.backend.xp)
    return ArraySource(check.data(X, t, sample_weight), order)


def _check_smallest_batch(bound: BoundProgram, rows: int, batch_size: int) -> None:
    least = bound.program.least_rows(training=True)
    smallest = rows % batch_size or batch_size
    if smallest < least:
        raise ValueError(
            f"batch normalisation needs batches of at least {least} rows, but batch_size="
            f"{batch_size} divides {rows} rows so that one batch has {smallest}; choose another "
            "batch_size"
        )
