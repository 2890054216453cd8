"""Stopping where the first NaN or infinity comes up, and saying in which layer."""

from typing import Any

from mlpcore.backends.base import StageRecord
from mlpcore.backends.bound import BoundProgram
from mlpcore.callbacks.base import Callback, FitRun, StopFit
from mlpcore.training.nonfinite import first_in_pass
from mlpcore.warn import warn


class StopOnNaN(Callback):
    """Ends a fit in the first step whose logits or loss are NaN or infinite.

    A step whose logits are is not taken: the model stays as the step before made it, and the layer
    is named in a RuntimeWarning and in ``history.stopped``.  It looks at the logits of each step
    before they are used, and at more only where they hold such a number.  A step goes through the
    network in two pieces for it, and waits for a GPU.
    """

    def __init__(self) -> None:
        self._bound: BoundProgram | None = None
        self._run: FitRun | None = None

    def on_begin(self, run: FitRun) -> None:
        """Begin to watch."""
        self._bound, self._run = run.trainer.bound, run
        self._bound.watchers.append(self._watch)

    def on_close(self, run: FitRun) -> None:  # noqa: ARG002
        """End watching."""
        if self._bound is not None and self._watch in self._bound.watchers:
            self._bound.watchers.remove(self._watch)
        self._bound = self._run = None

    def _watch(self, records: list[StageRecord]) -> None:
        bound, run = self._bound, self._run
        if bound is None or run is None or not run.training:
            return
        if _finite(bound.backend.xp, records[-1].a):
            return
        found = first_in_pass(bound, records[0].x, records)
        self._stop(run, "the logits are not finite" if found is None else str(found), taken=False)

    def on_batch_end(self, run: FitRun) -> None:
        """Look at the loss, for one of the user's own may be NaN though its logits are not."""
        result = run.result
        if result is not None and not _finite(run.trainer.bound.backend.xp, result.value):
            self._stop(run, f"the loss is {float(result.value)}, of finite logits", taken=True)

    def _stop(self, run: FitRun, what: str, *, taken: bool) -> None:
        step = run.step + (not taken)
        reason = f"in step {step} of epoch {run.epoch + 1} {what}"
        state = "as this step made it" if taken else "as it was before this step"
        warn(f"training stopped: {reason}; the model is {state}", RuntimeWarning)
        raise StopFit(reason)


def _finite(xp: Any, array: Any) -> bool:
    return bool(xp.isfinite(array).all())
