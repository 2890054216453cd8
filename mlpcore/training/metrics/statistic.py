"""What a metric remembers of the batches it has seen."""

import operator
from abc import ABC, abstractmethod
from typing import Any, ClassVar, TypeAlias

State: TypeAlias = tuple[Any, ...]
"""What was seen: numbers and arrays on the device."""


class Statistic(ABC):
    """What is counted or collected, batch after batch, until a metric can be told from it.

    An F1 score or an area under a curve is no mean over batches: it is told once from the counts,
    or the scores, of them all.  Statistics that are equal are collected once.

    Attributes
    ----------
    brief : bool
        Whether it is a few numbers, of which a metric is told at any time, for a progress bar.
    """

    brief: ClassVar[bool] = True

    @abstractmethod
    def of(self, xp: Any, z: Any, t: Any, counts: Any, *, multilabel: bool) -> State:
        """Return what one batch contributes; nothing waits for the device.

        Parameters
        ----------
        xp : namespace
            The namespace of the arrays.
        z : array, shape (rows, out)
            The logits.
        t : array
            The targets.
        counts : array of bool, shape (rows,), or None
            Which rows count; None for all of them.
        multilabel : bool
            Whether each column of targets in the shape of `z` is a yes or no of its own, rather
            than the probability of one class among several.
        """

    def merged(self, a: State, b: State) -> State:
        """Return what two parts contribute together: their sums, unless it says otherwise."""
        return tuple(map(operator.add, a, b))


def labels(z: Any, t: Any) -> tuple[Any, Any]:
    """Return the predicted and the true class of each row, shape (rows,).

    The predicted class is the one with the largest logit; with one logit a row the classes are 0
    and 1, told apart by its sign.  Targets given as probabilities stand for their likeliest class.
    """
    rows = z.shape[0]
    if z.shape[1] == 1:
        return (z > 0).reshape(rows), t.reshape(rows) > 0.5
    # Methods: the functions of NumPy take a microsecond longer, in every step.
    return z.argmax(1), t if t.ndim == 1 else t.argmax(1)


def share(xp: Any, part: Any, whole: Any) -> Any:
    """Return ``part / whole``, and 0 where the whole is 0."""
    return part / (max(whole, 1) if isinstance(whole, int) else xp.maximum(whole, 1))
