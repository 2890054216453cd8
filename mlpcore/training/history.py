"""What happened in each epoch of a fit."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from typing import Any

from mlpcore.inspect.table import table
from mlpcore.lazy_imports import importing


class History(Sequence[Mapping[str, float]]):
    """One mapping of named values for each epoch, in order.

    ``history["loss"]`` is the curve of one value over the epochs, ``history[-1]`` the last epoch,
    and ``"loss" in history`` says whether there is such a curve.  The names are

    ``loss``
        The data loss L, without the penalty.
    ``objective``
        J = L + s, where there is a penalty s, that is for l2 or l1 > 0.
    each metric
        By its name.
    ``val_loss`` and each metric with ``val_`` before it
        The same of the validation data with the model as it was at the end of the epoch: what
        `MLP.evaluate` gives.
    ``seconds``
        How long the epoch took.
    what a callback adds
        Such as ``lr``.

    The losses of training are means over the steps of the epoch, each taken before its step
    changed the model, and weighted by its rows.  Metrics are told from all rows of the epoch
    together, each as it was predicted before its step.  Rows whose label the loss ignores do not
    count in either.

    Attributes
    ----------
    stopped : str or None
        Why the fit ended before its last epoch; None if it did not.
    """

    def __init__(self) -> None:
        self._epochs: list[dict[str, float]] = []
        self.stopped: str | None = None

    def append(self, values: Mapping[str, float]) -> dict[str, float]:
        """Add the values of one epoch, and return the mapping that is kept of them."""
        self._epochs.append(dict(values))
        return self._epochs[-1]

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, str):
            return self._epochs[key]
        if not self._has(key):
            known = f"; there are {', '.join(self.names)}" if self else ": no epoch was run"
            raise KeyError(f"no curve {key!r}{known}")
        return [epoch[key] for epoch in self._epochs]

    def __contains__(self, key: object) -> bool:
        return self._has(key) if isinstance(key, str) else super().__contains__(key)

    def _has(self, name: str) -> bool:
        return any(name in epoch for epoch in self._epochs)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the curves, in the order of their first values."""
        return tuple(dict.fromkeys(name for epoch in self._epochs for name in epoch))

    def to_dict(self) -> dict[str, list[float]]:
        """Return the curves by name; NaN stands for an epoch that has no such value."""
        missing = float("nan")
        return {name: [epoch.get(name, missing) for epoch in self._epochs] for name in self.names}

    def to_csv(self, path: str | PathLike[str]) -> None:
        """Write a line of names and one of values for each epoch, counted from 1.

        Numbers are written so that reading them gives the same bits.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        names = self.names
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("epoch", *names))
            for number, epoch in enumerate(self._epochs, 1):
                writer.writerow((number, *(epoch.get(name, "") for name in names)))

    def plot(self, path: str | PathLike[str] | None = None) -> Any:
        """Draw the curves, training and validation together, and return the figure.

        Parameters
        ----------
        path : path, optional
            Where to write it, in the format that the name ends with.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If no epoch was run.
        """
        with importing():
            from mlpcore.training.history_plot import plot

        return plot(self, path)

    def __len__(self) -> int:
        return len(self._epochs)

    def __iter__(self) -> Iterator[Mapping[str, float]]:
        return iter(self._epochs)

    def __repr__(self) -> str:
        if not self._epochs:
            return "History(no epochs)"
        names = self.names
        rows = [
            [str(i), *(f"{epoch[name]:.4g}" if name in epoch else "" for name in names)]
            for i, epoch in enumerate(self._epochs, start=1)
        ]
        return table(["epoch", *names], rows)
