"""The values of each epoch in a file that others can follow."""

import csv
import os
from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from mlpcore.callbacks.base import Callback, FitRun


class CSVLog(Callback):
    """Writes a line of values after each epoch.

    The first line names the columns: ``epoch``, counted from 1, and the values of the first epoch.
    The file is open only while a line is written, and each line is on disk before the next epoch.
    A fit that goes on with a checkpoint cuts the file down to what it was then, and goes on there.

    Parameters
    ----------
    path : path
        The file.
    append : bool, default False
        Whether to go on with a file that is there; otherwise it is written anew.

    Raises
    ------
    OSError
        In `fit`, if the file cannot be written.
    ValueError
        In `fit`, if a file to go on with has other columns.
    """

    def __init__(self, path: str | PathLike[str], *, append: bool = False) -> None:
        self._path, self._append = Path(fspath(path)), append
        self._names: tuple[str, ...] = ()

    def on_begin(self, run: FitRun) -> None:
        """Begin the file, so that one that cannot be written is known before any work."""
        self._names = ()
        with open(self._path, "a" if self._append or run.resumed else "w", encoding="utf-8"):
            pass

    def on_epoch_end(self, run: FitRun) -> None:
        """Write the values of the epoch."""
        if not self._names:
            self._begin(tuple(run.logs))
        values = (run.logs.get(name, "") for name in self._names)
        self._write((run.epoch + 1, *values))

    def _begin(self, names: tuple[str, ...]) -> None:
        heading = ["epoch", *names]
        with open(self._path, newline="", encoding="utf-8") as file:
            found = next(csv.reader(file), None)
        if found is None:
            self._write(heading)
        elif found != heading:
            raise ValueError(
                f"{self._path} has the columns {', '.join(found)}, not {', '.join(heading)}; "
                "give another file, or append=False"
            )
        self._names = names

    def _write(self, row: tuple[object, ...] | list[str]) -> None:
        with open(self._path, "a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(row)

    def state_dict(self) -> dict[str, Any]:
        """Return how long the file is."""
        return {"bytes": self._path.stat().st_size}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take from the file the lines of epochs that will come again."""
        if self._path.stat().st_size > state["bytes"]:
            os.truncate(self._path, state["bytes"])
