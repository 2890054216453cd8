"""Classification or regression: what a column of targets asks for."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpcore.cli.meaning import Task
from mlpcore.io.table import number, shortened

Choice: TypeAlias = Literal["auto", "classification", "regression"]

MOST_CLASSES = 20
"""Whole numbers with more different values than this are taken for quantities."""


@dataclass(frozen=True)
class Classes:
    """Targets of a classification.

    Attributes
    ----------
    t : ndarray of int64, shape (rows,)
        The place of each row's class in `names`.
    names : tuple of str
        The classes, in the order of their numbers or of the alphabet.
    reason : str
        Why it is a classification.
    """

    t: NDArray[np.int64]
    names: tuple[str, ...]
    reason: str

    task: ClassVar[Task] = "classification"
    output: ClassVar[str] = "softmax"
    metrics: ClassVar[tuple[str, ...]] = ("accuracy",)

    @property
    def outputs(self) -> int:
        """How many outputs the network needs."""
        return len(self.names)

    @property
    def strata(self) -> NDArray[np.int64]:
        """What each row's share of the held-out rows is counted by."""
        return self.t

    def __str__(self) -> str:
        return f"classification into {len(self.names)} classes ({', '.join(_shown(self.names))})"


@dataclass(frozen=True)
class Values:
    """Targets of a regression.

    Attributes
    ----------
    t : ndarray of float64, shape (rows, outputs)
        The numbers to predict.
    reason : str
        Why it is a regression.
    """

    t: NDArray[np.float64]
    reason: str

    names: ClassVar[None] = None
    task: ClassVar[Task] = "regression"
    output: ClassVar[str] = "identity"
    metrics: ClassVar[tuple[str, ...]] = ("r2", "rmse")

    @property
    def outputs(self) -> int:
        """How many outputs the network needs."""
        return int(self.t.shape[1])

    @property
    def strata(self) -> NDArray[np.int64]:
        """One stratum: the held-out rows are drawn from all alike."""
        return np.zeros(len(self.t), dtype=np.int64)

    def __str__(self) -> str:
        return "regression"


def choose(t: np.ndarray[Any, Any], task: Choice = "auto") -> Classes | Values:
    """Return the targets as classes or as values.

    Without being told, text is classes; so are at most `MOST_CLASSES` different whole numbers that
    have two rows each on average.  Other numbers, and targets of several columns, are values.

    Parameters
    ----------
    t : ndarray, shape (rows,) or (rows, outputs)
        Strings or finite numbers.
    task : {"auto", "classification", "regression"}
        What to take them for.

    Raises
    ------
    ValueError
        If they cannot be what they are to be taken for, or nothing can be learnt from them.
    """
    if t.ndim == 2 and t.shape[1] == 1:
        t = t[:, 0]
    if task == "auto":
        task, reason = _found(t)
    else:
        reason = "as --task says"
    if task == "classification":
        return _classes(t, reason)
    return Values(_as_numbers(t).reshape(len(t), -1), reason)


def _found(t: np.ndarray[Any, Any]) -> tuple[Task, str]:
    if t.ndim == 2:
        return "regression", f"the target has {t.shape[1]} columns"
    distinct = len(np.unique(t))
    few = f"{distinct} different {'value' if distinct == 1 else 'values'} in {len(t)} rows"
    if t.dtype.kind not in "fiu":
        if distinct > max(2, len(t) // 2):
            raise ValueError(
                f"the target holds text such as {_first_text(t)}, but {few} are hardly classes; "
                "say what it is with --task"
            )
        return "classification", "the target holds text" if t.dtype.kind != "b" else few
    if not np.array_equal(t, np.round(t)):
        return "regression", "the target holds numbers with a fraction"
    if distinct <= min(MOST_CLASSES, len(t) // 2):
        return "classification", f"the target holds whole numbers, {few}"
    return "regression", f"the target holds numbers, {few}"


def _shown(names: tuple[str, ...], most: int = 10) -> tuple[str, ...]:
    return names if len(names) <= most else (*names[:most], "...")


def _first_text(t: np.ndarray[Any, Any]) -> str:
    """Return the first cell that is no number, and its row."""
    for row, cell in enumerate(t, start=1):
        try:
            number(str(cell))
        except ValueError:
            return f"{str(cell)!r} (row {row})"
    return f"{str(t[0])!r}"


def _classes(t: np.ndarray[Any, Any], reason: str) -> Classes:
    if t.ndim == 2:
        raise ValueError(f"a classification needs one target a row, got {t.shape[1]} columns")
    found, labels = np.unique(t, return_inverse=True)
    names = tuple(_class_name(value) for value in found)
    if len(names) < 2:
        raise ValueError(f"the target has only one class, {names[0]!r}: there is nothing to learn")
    if len(set(names)) < len(names):
        raise ValueError(f"two classes have one name: {shortened(names)}")
    return Classes(labels.astype(np.int64), names, reason)


def _class_name(value: Any) -> str:
    if isinstance(value, np.floating):
        return str(int(value)) if value == np.round(value) else repr(float(value))
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _as_numbers(t: np.ndarray[Any, Any]) -> NDArray[np.float64]:
    if t.dtype.kind not in "fiub":
        raise ValueError(f"a regression needs numbers, and the target holds {_first_text(t)}")
    return t.astype(np.float64)
