"""The curves in TensorBoard, where it is installed."""

import importlib
from os import PathLike, fspath
from typing import Any

from mlpcore.callbacks.base import Callback, FitRun

_WRITERS = ("torch.utils.tensorboard", "tensorboardX")
"""The modules that have a SummaryWriter, in the order in which they are tried."""


class TensorBoard(Callback):
    """Writes the values of each epoch for TensorBoard.

    A value and that of the validation data are two runs of one chart: ``loss`` and ``val_loss``
    are the tag ``loss`` in the folders ``train`` and ``validation``.

    Parameters
    ----------
    logdir : path
        The folder.

    Raises
    ------
    ImportError
        In `fit`, if neither PyTorch with tensorboard nor tensorboardX is installed.
    """

    def __init__(self, logdir: str | PathLike[str]) -> None:
        self._logdir = fspath(logdir)
        self._writers: dict[str, Any] = {}

    def on_begin(self, run: FitRun) -> None:
        """Open the files."""
        make = _summary_writer()
        parts = ("train", "validation") if "val_loss" in run.names else ("train",)
        for part in parts:
            self._writers[part] = make(f"{self._logdir}/{part}")

    def on_epoch_end(self, run: FitRun) -> None:
        """Write the values of the epoch."""
        for name, value in run.logs.items():
            part = "validation" if name.startswith("val_") else "train"
            writer = self._writers.get(part, self._writers["train"])
            writer.add_scalar(name.removeprefix("val_"), value, run.epoch + 1)
        for writer in self._writers.values():
            writer.flush()

    def on_close(self, run: FitRun) -> None:  # noqa: ARG002
        """Close the files."""
        while self._writers:
            self._writers.popitem()[1].close()


def _summary_writer() -> Any:
    for name in _WRITERS:
        try:
            return importlib.import_module(name).SummaryWriter
        except ImportError:
            continue
    raise ImportError(
        "TensorBoard needs a writer of its files, and none is installed: pip install tensorboardX, "
        "or torch and tensorboard"
    )
