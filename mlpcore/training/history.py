"""What happened in each epoch of a fit."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlpcore.inspect.table import table


class History(Sequence[Mapping[str, float]]):
    """One mapping of named values for each epoch, in order.

    ``history["loss"]`` is the curve of one value over the epochs, ``history[-1]`` the last epoch.
    The names are ``loss`` (the objective J, averaged over the samples of the epoch while it was
    being trained on), each metric, both with the prefix ``val_`` for the validation data, and
    ``seconds``.
    """

    def __init__(self) -> None:
        self._epochs: list[dict[str, float]] = []

    def append(self, values: Mapping[str, float]) -> None:
        """Add the values of one epoch."""
        self._epochs.append(dict(values))

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, str):
            return self._epochs[key]
        if not any(key in epoch for epoch in self._epochs):
            known = ", ".join(self._epochs[0]) if self._epochs else "nothing: no epoch was run"
            raise KeyError(f"no curve {key!r}; there are {known}")
        return [epoch[key] for epoch in self._epochs]

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
