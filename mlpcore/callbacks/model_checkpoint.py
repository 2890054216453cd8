"""The best model in a file."""

from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from mlpcore.callbacks.base import Callback, FitRun
from mlpcore.callbacks.monitor import Mode, Monitor


class ModelCheckpoint(Callback):
    """Saves the model each time a curve has its best value.

    The file is written by `MLP.save`: whole or not at all, so that one of them is always there.
    `MLP.load` reads it; its metadata hold the epoch, counted from 1, and the value.

    Parameters
    ----------
    path : path
        The file.
    monitor : str, default "val_loss"
        The curve.
    min_delta : float, default 0
        By how much at least a better value is better.
    mode : {"auto", "min", "max"}
        Which values are better; ``"auto"`` knows it of losses and of the library's metrics.

    Attributes
    ----------
    best : float or None
        The value of the model in the file.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range; in `fit`, if there is no such curve.
    OSError
        In `fit`, if there is no such folder, or the file cannot be written.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        *,
        mode: Mode = "auto",
    ) -> None:
        self._path = Path(fspath(path))
        self._monitor = Monitor(monitor, mode, min_delta)

    @property
    def best(self) -> float | None:
        """The value of the model in the file."""
        return self._monitor.best

    def on_begin(self, run: FitRun) -> None:
        """Check that there are such a curve and such a folder."""
        self._monitor.begin(run)
        if not self._path.parent.is_dir():
            raise FileNotFoundError(f"there is no folder {str(self._path.parent)!r} to save into")

    def on_epoch_end(self, run: FitRun) -> None:
        """Save the model if it is the best so far."""
        if self._monitor.improved(run):
            metadata = {"epoch": str(run.epoch + 1), self._monitor.name: repr(self.best)}
            with run.as_validated():
                run.model.save(self._path, metadata=metadata)

    def state_dict(self) -> dict[str, Any]:
        """Return the best value."""
        return self._monitor.state_dict()

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self._monitor.load_state(state)
