"""A fit in a file: the model, and all that the rest of its training depends on.

A checkpoint is a model file, which `MLP.load` reads as any other, with more in it.  Under the entry
``training`` (see `mlpcore.io.tree`) it holds

==============  ================================================================================
``format``      the version of this table, 1
``epoch``       the number of the epoch in which training goes on, counted from 0
``step``        how many steps of that epoch were taken
``seconds``     how long they took
``totals``      the sums of their losses and metrics; None at the beginning of an epoch
``history``     the values of the epochs that are complete
``stopped``     why the fit was to end early, or None
``settings``    the arguments of the fit that a resumed one must have, too
``trainer``     `Trainer.state_dict`
``callbacks``   of each callback that has a state, the name of its class, and that state
==============  ================================================================================
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpcore.checks import whole_number
from mlpcore.io import safetensors
from mlpcore.io.atomic import StrPath
from mlpcore.io.errors import ModelFileError
from mlpcore.io.tree import put_together, taken_apart
from mlpcore.network import Network

if TYPE_CHECKING:
    from mlpcore.callbacks.base import Callback, FitRun

FORMAT = 1
"""The number of the table above; a file with a larger one was written by a later version."""


@dataclass(frozen=True)
class Snapshot:
    """What a checkpoint holds; made by `load_checkpoint`, taken by ``fit(resume_from=)``.

    The model in it is read by `MLP.load`.

    Attributes
    ----------
    path : str
        The file.
    network : Network
        The network.
    dtype : numpy.dtype
        float32 or float64.
    values : mapping of str to ndarray
        Parameters and state of the network by name, not averaged.
    epoch, step : int
        Where training goes on: in which epoch, counted from 0, and after how many of its steps.
    history : tuple of mapping
        The values of the complete epochs.
    stopped : str or None
        Why the fit was to end early, if somebody had said so.
    settings : mapping of str to object
        The arguments of the fit that a resumed one must have, too.
    trainer : mapping of str to object
        What `Trainer.state_dict` returned.
    callbacks : tuple of (str, mapping)
        The class and the state of each callback that has one.
    totals : mapping or None
        The sums of the epoch that is not complete.
    seconds : float
        How long that epoch took so far.
    """

    path: str
    network: Network
    dtype: np.dtype[Any]
    values: Mapping[str, np.ndarray[Any, Any]]
    epoch: int
    step: int
    history: tuple[Mapping[str, float], ...]
    stopped: str | None
    settings: Mapping[str, Any]
    trainer: Mapping[str, Any]
    callbacks: tuple[tuple[str, Mapping[str, Any]], ...]
    totals: Mapping[str, Any] | None
    seconds: float

    def __repr__(self) -> str:
        where = f"epoch {self.epoch + 1}" + (f", step {self.step + 1}" if self.step else "")
        return f"Snapshot({self.path!r}, goes on in {where})"


def load_checkpoint(path: StrPath) -> Snapshot:
    """Return what the callback `Checkpoint` wrote, after checking every byte of it.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    Snapshot
        For ``fit(resume_from=)``, which takes a path as well.

    Raises
    ------
    ModelFileError
        If the file is damaged, cut off, of a later version, or no checkpoint.
    OSError
        If it is not there or cannot be read.
    """
    saved = safetensors.read(path)
    path = os.fsdecode(path)
    if saved.training is None:
        raise ModelFileError(f"{path}: it is a model without the state of a training; use MLP.load")
    try:
        found = put_together(saved.training)
        version = whole_number(found["format"], "format", 1)
        if version > FORMAT:
            raise ModelFileError(
                f"{path}: its training state has format {version}, but this version of mlpcore "
                f"knows formats up to {FORMAT}; MLP.load reads the model in it"
            )
        return Snapshot(
            path,
            saved.network,
            saved.dtype,
            saved.values,
            epoch=whole_number(found["epoch"], "epoch", 0),
            step=whole_number(found["step"], "step", 0),
            history=tuple(dict(values) for values in found["history"]),
            stopped=found["stopped"],
            settings=dict(found["settings"]),
            trainer=dict(found["trainer"]),
            callbacks=tuple((str(name), dict(state)) for name, state in found["callbacks"]),
            totals=found["totals"],
            seconds=float(found["seconds"]),
        )
    except ModelFileError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ModelFileError(f"{path}: its training state is damaged: {error}") from error


def save_checkpoint(path: StrPath, run: FitRun) -> None:
    """Write the state of a fit, as it is between two steps, whole or not at all.

    Parameters
    ----------
    path : path
        The file; one that is there is replaced in the end.
    run : FitRun
        The fit, in ``on_batch_end`` or ``on_epoch_end``, with nobody left to be told.

    Raises
    ------
    TypeError
        If the state of a callback holds what a file cannot hold.
    OSError
        If the file cannot be written; an old one is as it was.
    """
    epoch, step = (run.epoch, run.step) if run.training else (run.epoch + 1, 0)
    totals = run.totals if step else None
    states = [(name_of(callback), callback.state_dict()) for callback in run.callbacks]
    training = {
        "format": FORMAT,
        "epoch": epoch,
        "step": step,
        "seconds": 0.0 if totals is None else time.perf_counter() - run.began,
        "totals": None if totals is None else totals.state_dict(),
        "history": [dict(values) for values in run.history],
        "stopped": run.stopped,
        "settings": dict(run.settings),
        "trainer": run.trainer.state_dict(),
        "callbacks": [[name, state] for name, state in states if state],
    }
    model = run.model
    safetensors.write(
        path,
        model.network.config(),
        run.trainer.bound.values(),
        {},
        seed=model.seed,
        training=taken_apart(training),
    )


def name_of(callback: Callback) -> str:
    """Return the name under which a checkpoint holds the state of a callback."""
    return type(callback).__qualname__
