"""All that a fit needs to go on after the process has ended, in a file."""

import os
import time
from contextlib import suppress
from os import PathLike, fspath
from pathlib import Path
from shutil import copyfile
from typing import ClassVar

from mlpcore.callbacks.base import Callback, FitRun
from mlpcore.checks import positive, whole_number
from mlpcore.io.atomic import remove_leftovers, require_writable
from mlpcore.training.checkpoint import save_checkpoint


class Checkpoint(Callback):
    """Writes the state of the fit to a file, from which ``fit(resume_from=path)`` goes on.

    The resumed fit ends with the bits that it would have had without interruption: parameters,
    statistics, and history but for its seconds.  `MLP.load` reads the model of the same file, as it
    was then and not averaged.

    The file is written whole or not at all: whenever the process ends, even by SIGKILL, the last
    checkpoint is there.  Where it cannot be written, `fit` raises and the last one stays.  It is
    written when all other callbacks have been told, wherever this one stands in their list.

    Parameters
    ----------
    path : path
        The file of the last checkpoint.
    every : int or None, default 1
        After how many epochs one is written, and after the last; None for none at the end of
        epochs.
    keep : int, default 1
        How many are kept.  Those before the last have a number before the suffix of their names:
        ``run.1.safetensors`` is the one before ``run.safetensors``, ``run.2.safetensors`` the one
        before that.
    steps : int, optional
        One is also written after each `steps` steps of an epoch.
    seconds : float, optional
        One is also written after the first step that ends so many seconds after the last one.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range; in `fit`, if the network holds a function of the user's own.
    OSError
        In `fit`, if the file cannot be written: before any work, if that can be told.

    Examples
    --------
    >>> checkpoint = Checkpoint("run.safetensors", seconds=600)
    >>> resume = "run.safetensors" if os.path.exists("run.safetensors") else None
    >>> model.fit(x, t, epochs=100, callbacks=[checkpoint], resume_from=resume)  # doctest: +SKIP
    """

    after_others: ClassVar[bool] = True

    def __init__(
        self,
        path: str | PathLike[str],
        every: int | None = 1,
        keep: int = 1,
        *,
        steps: int | None = None,
        seconds: float | None = None,
    ) -> None:
        self._path = Path(fspath(path))
        self._every = None if every is None else whole_number(every, "every", 1)
        self._keep = whole_number(keep, "keep", 1)
        self._steps = None if steps is None else whole_number(steps, "steps", 1)
        self._seconds = None if seconds is None else positive(seconds, "seconds")
        if self._every is None and self._steps is None and self._seconds is None:
            raise ValueError("give every=, steps= or seconds=, or no checkpoint will be written")
        self._last = 0.0

    @property
    def watches_steps(self) -> bool:
        """Whether checkpoints inside epochs were asked for."""
        return self._steps is not None or self._seconds is not None

    def on_begin(self, run: FitRun) -> None:
        """Check that the file can be written, and what is to be in it."""
        require_writable(self._path)
        remove_leftovers(self._path)
        self._before.unlink(missing_ok=True)
        run.model.network.config()
        self._last = time.monotonic()

    def on_batch_end(self, run: FitRun) -> None:
        """Write if it is time for it."""
        by_steps = self._steps is not None and run.step % self._steps == 0
        if by_steps or (
            self._seconds is not None and time.monotonic() - self._last >= self._seconds
        ):
            self._write(run)

    def on_epoch_end(self, run: FitRun) -> None:
        """Write if it is time for it."""
        last = run.epoch + 1 == run.epochs or run.stopped is not None
        if self._every is not None and ((run.epoch + 1) % self._every == 0 or last):
            self._write(run)

    def _write(self, run: FitRun) -> None:
        older = self._keep > 1 and self._path.exists()
        try:
            if older:
                _second_name(Path(os.path.realpath(self._path)), self._before)
            save_checkpoint(self._path, run)
        except BaseException:
            if older:
                self._before.unlink(missing_ok=True)
            raise
        if older:
            for number in range(self._keep - 1, 1, -1):
                with suppress(FileNotFoundError):
                    self._numbered(number - 1).replace(self._numbered(number))
            self._before.replace(self._numbered(1))
        self._last = time.monotonic()

    @property
    def _before(self) -> Path:
        """The last checkpoint while the next is written, where it is to be kept."""
        return self._path.with_name(f".{self._path.name}.before")

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.stem}.{number}{self._path.suffix}")


def _second_name(path: Path, other: Path) -> None:
    """Let `other` be what `path` is now, without a copy where the file system knows links."""
    other.unlink(missing_ok=True)
    try:
        os.link(path, other)
    except OSError:
        copyfile(path, other)
