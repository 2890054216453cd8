"""Going on with a fit where a checkpoint was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlpcore.io.atomic import StrPath
from mlpcore.network import Network
from mlpcore.training.checkpoint import Snapshot, load_checkpoint, name_of
from mlpcore.training.sources.check import named_errors
from mlpcore.training.totals import Totals
from mlpcore.training.trainer_state import Ready, check_state, put_state

if TYPE_CHECKING:
    from mlpcore.callbacks.base import Callback, FitRun


@dataclass(frozen=True)
class Resumption:
    """A checkpoint that fits a fit.

    Attributes
    ----------
    snapshot : Snapshot
        The checkpoint.
    trainer_state : Ready
        The state of its trainer, checked.
    states : sequence of (Callback, mapping)
        The state of each callback that has one.
    """

    snapshot: Snapshot
    trainer_state: Ready
    states: Sequence[tuple[Callback, Mapping[str, Any]]]

    def begin(self, run: FitRun) -> None:
        """Let `run` say how far it is, before callbacks are told that it begins."""
        for values in self.snapshot.history:
            run.history.append(values)
        run.epoch, run.step = self.snapshot.epoch, self.snapshot.step
        run.stopped, run.resumed = self.snapshot.stopped, True

    def put(self, run: FitRun) -> None:
        """Let model, trainer and callbacks be what they were."""
        run.trainer.bound.assign(self.snapshot.values)
        put_state(run.trainer, self.trainer_state)
        for callback, state in self.states:
            callback.load_state(state)

    def put_totals(self, run: FitRun, totals: Totals) -> None:
        """Let `totals` go on with the sums of the epoch that the checkpoint was written in."""
        if self.snapshot.totals is not None:
            totals.load_state(self.snapshot.totals)
            run.began -= self.snapshot.seconds


def resumption(given: Snapshot | StrPath, run: FitRun) -> Resumption:
    """Return how `run` goes on with a checkpoint, or raise before anything is changed.

    Parameters
    ----------
    given : Snapshot or path
        The checkpoint, or its file.
    run : FitRun
        The fit that has not begun.

    Raises
    ------
    ModelFileError, OSError
        If the file is no checkpoint, or cannot be read.
    TypeError, ValueError
        If it belongs to another network, or to a fit with other arguments.
    """
    snapshot = given if isinstance(given, Snapshot) else load_checkpoint(given)
    with named_errors(f"cannot resume from {snapshot.path}"):
        _check_network(snapshot, run)
        _check_settings(snapshot.settings, run.settings)
        ready = check_state(run.trainer, snapshot.trainer)
        if snapshot.epoch > run.epochs or (snapshot.epoch == run.epochs and snapshot.step):
            raise ValueError(
                f"it goes on in epoch {snapshot.epoch + 1}, but this fit has epochs={run.epochs}"
            )
        return Resumption(snapshot, ready, _states(snapshot, run.callbacks))


def _check_network(snapshot: Snapshot, run: FitRun) -> None:
    bound, network = run.trainer.bound, run.model.network
    if snapshot.network.config() != network.config():
        raise ValueError(
            f"it holds the network {_described(snapshot.network, network)}, "
            f"but this model is {_described(network, snapshot.network)}"
        )
    if snapshot.dtype != bound.dtype:
        raise ValueError(f"it holds a {snapshot.dtype} model, but this one is {bound.dtype}")


def _described(network: Network, other: Network) -> str:
    """Return the widths of a network, and where it first differs from one of the same widths."""
    dense = network.dense
    widths = "-".join(str(n) for n in (dense[0].in_features, *(d.out_features for d in dense)))
    pairs = zip((*network.layers, network.output), (*other.layers, other.output), strict=False)
    first = next((f" with {mine!r}" for mine, theirs in pairs if mine != theirs), "")
    return widths + first


def _check_settings(written: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    differing = [name for name in {**own, **written} if written.get(name) != own.get(name)]
    if differing:
        name = differing[0]
        raise ValueError(
            f"it was written by a fit with {name}={written.get(name)!r}, "
            f"but this one has {name}={own.get(name)!r}"
        )


def _states(
    snapshot: Snapshot, callbacks: Sequence[Callback]
) -> list[tuple[Callback, Mapping[str, Any]]]:
    """Pair the states with callbacks of the same class, in order; new callbacks begin anew."""
    left = list(callbacks)
    found = []
    for name, state in snapshot.callbacks:
        callback = next((c for c in left if name_of(c) == name), None)
        if callback is None:
            raise ValueError(
                f"it holds the state of a callback {name}, which is not among callbacks= here; "
                "give the callbacks that the fit began with"
            )
        left.remove(callback)
        found.append((callback, state))
    return found
