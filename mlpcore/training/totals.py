"""The values of an epoch: means over its steps, weighted by their rows, and its metrics."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mlpcore.backends.base import Backend, StepResult
from mlpcore.training.metrics import Measures
from mlpcore.training.numbers_of import numbers_of

_BLOCK = 1024
"""After how many steps the values of a CPU are summed."""


class Totals(ABC):
    """Sums what the steps of an epoch computed.

    Parameters
    ----------
    backend : Backend
        Where the values are.
    measures : Measures
        The metrics.
    penalized : bool
        Whether the objective is more than the loss.
    """

    def __init__(self, backend: Backend, measures: Measures, *, penalized: bool) -> None:
        self._backend, self._measures = backend, measures
        self._penalized = penalized

    @staticmethod
    def of(backend: Backend, measures: Measures, *, penalized: bool) -> "Totals":
        """Return the totals that suit the device."""
        kind = _HostTotals if backend.xp is np else _DeviceTotals
        return kind(backend, measures, penalized=penalized)

    @abstractmethod
    def add(self, result: StepResult, t: Any) -> None:
        """Take in a step and the targets of its batch; nothing waits for the device."""

    @property
    @abstractmethod
    def steps(self) -> int:
        """How many steps were taken in."""

    @abstractmethod
    def values(self, *, brief: bool = False) -> dict[str, float]:
        """Return the means and the metrics by name, for `brief` those at hand; waits for a GPU."""

    @abstractmethod
    def diverged(self) -> int | None:
        """Return in which step, counted from 1, the loss was first NaN or infinite.

        None if it never was, and 0 if it was, but in a step that nobody knows.
        """

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Return all that was taken in, as values and NumPy arrays; waits for a GPU."""

    @abstractmethod
    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on with what `state_dict` returned, in an epoch that was begun before.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is nothing of the kind.
        """


class _HostTotals(Totals):
    """Those of a CPU, where values are numbers: kept in lists, and summed many at a time."""

    def __init__(self, backend: Backend, measures: Measures, *, penalized: bool) -> None:
        super().__init__(backend, measures, penalized=penalized)
        self._losses: list[Any] = []
        self._objectives: list[Any] = []
        self._counts: list[Any] = []
        self._sums: dict[str, Any] = {}
        self._rows: Any = 0
        self._summed = 0
        self._bad: int | None = None

    @property
    def steps(self) -> int:
        """How many steps were taken in."""
        return self._summed + len(self._losses)

    def add(self, result: StepResult, t: Any) -> None:
        """Take in a step."""
        self._losses.append(result.loss)
        if self._penalized:
            self._objectives.append(result.value)
        self._counts.append(self._measures.add(result.logits, t))
        if len(self._losses) == _BLOCK:
            self._sum()

    def _sum(self) -> None:
        if not self._losses:
            return
        losses, counts = np.array(self._losses), np.array(self._counts)
        if self._bad is None and not np.isfinite(losses).all():
            self._bad = self._summed + 1 + int(np.argmin(np.isfinite(losses)))
        self._summed += len(losses)
        self._add("loss", losses, counts)
        if self._penalized:
            self._add("objective", np.array(self._objectives), counts)
        self._rows += int(counts.sum())
        self._losses.clear()
        self._objectives.clear()
        self._counts.clear()

    def _add(self, name: str, values: Any, counts: Any) -> None:
        with np.errstate(all="ignore"):
            terms = values * counts.astype(values.dtype)
            before = self._sums.get(name, values.dtype.type(0))
            # Ascending, one after the other: the bits do not depend on how many come at a time.
            self._sums[name] = np.add.accumulate(np.concatenate([[before], terms]))[-1]

    def values(self, *, brief: bool = False) -> dict[str, float]:
        """Return the means and the metrics."""
        self._sum()
        rows = max(self._rows, 1)
        means = {name: float(total) / rows for name, total in self._sums.items()}
        return means | numbers_of(self._backend, self._measures.values(brief=brief))

    def diverged(self) -> int | None:
        """Return the step of the first loss that is no finite number."""
        self._sum()
        return self._bad

    def state_dict(self) -> dict[str, Any]:
        """Return the sums so far."""
        self._sum()
        return {
            "sums": dict(self._sums),
            "rows": self._rows,
            "steps": self._summed,
            "bad": self._bad,
            "seen": self._measures.state(),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on with those sums."""
        self._measures.load(state["seen"])
        self._sums, self._rows = dict(state["sums"]), state["rows"]
        self._summed, self._bad = int(state["steps"]), state["bad"]


class _DeviceTotals(Totals):
    """Those of a GPU: the sums stay there, and only the end of the epoch waits for them."""

    def __init__(self, backend: Backend, measures: Measures, *, penalized: bool) -> None:
        super().__init__(backend, measures, penalized=penalized)
        self._sums: dict[str, Any] = {}
        self._rows: Any = 0
        self._finite = True
        self._steps = 0

    @property
    def steps(self) -> int:
        """How many steps were taken in."""
        return self._steps

    def add(self, result: StepResult, t: Any) -> None:
        """Take in a step."""
        count = self._measures.add(result.logits, t)
        values = {"loss": result.loss}
        if self._penalized:
            values["objective"] = result.value
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0) + value * count
        self._rows = self._rows + count
        self._steps += 1

    def values(self, *, brief: bool = False) -> dict[str, float]:
        """Return the means and the metrics, fetched with one copy."""
        wanted = {**self._sums, **self._measures.values(brief=brief)}
        found = numbers_of(self._backend, {**wanted, "rows": self._rows})
        rows = max(found.pop("rows"), 1)
        found |= {name: found[name] / rows for name in self._sums}
        self._finite = bool(np.isfinite(found.get("loss", 0.0)))
        return found

    def diverged(self) -> int | None:
        """Return 0 if the mean was no finite number."""
        return None if self._finite else 0

    def state_dict(self) -> dict[str, Any]:
        """Return the sums so far, fetched from the device."""
        state = {"sums": self._sums, "rows": self._rows, "seen": self._measures.state()}
        found: dict[str, Any] = each_array(self._backend.to_host, state)
        return found | {"steps": self._steps, "bad": None}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on with those sums, on the device."""
        there = each_array(self._backend.xp.asarray, dict(state))
        self._measures.load(there["seen"])
        self._sums, self._rows = there["sums"], there["rows"]
        self._steps = int(there["steps"])


def each_array(change: Callable[[Any], Any], values: Any) -> Any:
    """Return `values`, mappings, lists and tuples, with `change` applied to each array in them."""
    if isinstance(values, dict):
        return {name: each_array(change, value) for name, value in values.items()}
    if isinstance(values, list | tuple):
        return type(values)(each_array(change, value) for value in values)
    return change(values) if hasattr(values, "ndim") else values
