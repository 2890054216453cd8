"""A metric: a statistic of predictions and targets, and the number that is told from it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from mlpcore.backends.base import Backend
from mlpcore.training.metrics.statistic import State, Statistic

Better: TypeAlias = Literal["larger", "smaller"]

Output: TypeAlias = Callable[[Any, Any], Any]
"""``(xp, z)`` to what the model predicts for the logits z."""


@dataclass(frozen=True)
class Place:
    """Where a metric is computed, and what makes predictions of logits there.

    Attributes
    ----------
    backend : Backend
        Where the arrays are; it must be active.
    output : callable
        ``(xp, z)`` to predictions.
    """

    backend: Backend
    output: Output

    @property
    def xp(self) -> Any:
        """The namespace of the arrays."""
        return self.backend.xp


@dataclass(frozen=True)
class Metric:
    """How good predictions are, as one number for all rows that it has seen.

    Attributes
    ----------
    name : str
        What it is called in a history.
    statistic : Statistic
        What it remembers of each batch.
    value : callable
        ``value(place, state)`` gives the number, an array of shape () on the device or a Python
        number.
    takes : {"classes", "binary", "elements", "anything"}
        Which targets it can compare: one class a row; the same of two classes, or yes and no in
        each column; a number for each logit; or whatever the user means.
    better : {"larger", "smaller"} or None
        Which of two values is the better one, where that is known.
    classes : int
        The least number of logits.
    """

    name: str
    statistic: Statistic
    value: Callable[[Place, State], Any]
    takes: Literal["classes", "binary", "elements", "anything"]
    better: Better | None
    classes: int = 1

    def __str__(self) -> str:
        return self.name
