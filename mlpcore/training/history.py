"""What happened in each epoch of a fit."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlpcore.inspect.table import table


class History(Sequence[Mapping[str, float]]):
    """One mapping of named values for each epoch, in order.

    ``history["loss"]`` is the curve of one value over the epochs, ``history[-1]`` the last epoch,
    and ``"loss" in history`` says whether there is such a curve.  The names are

    ``loss``
        The data loss L, without the penalty.
    ``objective``
        J = L + s, where there is a penalty s, that is for l2 > 0.
    each metric
        By its name.
    ``val_loss`` and each metric with ``val_`` before it
        The same of the validation data with the model as it was at the end of the epoch: what
        `MLP.evaluate` gives.
    ``seconds``
        How long the epoch took.

    The values of training are means over the steps of the epoch, each taken before its step
    changed the model, and weighted by its rows; rows whose label the loss ignores do not count.
    """

    def __init__(self) -> None:
        self._epochs: list[dict[str, float]] = []

    def append(self, values: Mapping[str, float]) -> None:
        """Add the values of one epoch."""
        self._epochs.append(dict(values))

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, str):
            return self._epochs[key]
        if not self._has(key):
            known = f"; there are {', '.join(self._epochs[0])}" if self else ": no epoch was run"
            raise KeyError(f"no curve {key!r}{known}")
        return [epoch[key] for epoch in self._epochs]

    def __contains__(self, key: object) -> bool:
        return self._has(key) if isinstance(key, str) else super().__contains__(key)

    def _has(self, name: str) -> bool:
        return any(name in epoch for epoch in self._epochs)

    def __len__(self) -> int:
        return len(self._epochs)

    def __iter__(self) -> Iterator[Mapping[str, float]]:
        return iter(self._epochs)

    def __repr__(self) -> str:
        if not self._epochs:
            return "History(no epochs)"
        names = list(self._epochs[0])
        rows = [
            [str(i), *(f"{epoch[name]:.4g}" for name in names)]
            for i, epoch in enumerate(self._epochs, start=1)
        ]
        return table(["epoch", *names], rows)
