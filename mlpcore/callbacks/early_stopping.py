"""Stopping once training no longer helps."""

from collections.abc import Mapping
from typing import Any

from mlpcore.callbacks.base import Callback, FitRun
from mlpcore.callbacks.monitor import Mode, Monitor
from mlpcore.checks import whole_number

_VALUE = "value."


class EarlyStopping(Callback):
    """Ends a fit when a curve has not become better for a while.

    L. Prechelt, "Early Stopping - But When?" (1998).

    Parameters
    ----------
    monitor : str, default "val_loss"
        The curve.
    patience : int, default 10
        After how many epochs without a better value it stops.
    min_delta : float, default 0
        By how much at least a better value is better.
    restore_best : bool, default True
        Whether the model ends with the parameters and statistics of its best epoch, also where the
        fit comes to its end by itself.  They are kept in the memory of the host.
    mode : {"auto", "min", "max"}
        Which values are better; ``"auto"`` knows it of losses and of the library's metrics.

    Attributes
    ----------
    best : float or None
        The best value.
    best_epoch : int or None
        Its epoch, counted from 0: ``history[best_epoch]``.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range; in `fit`, if there is no such curve.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 10,
        min_delta: float = 0.0,
        *,
        restore_best: bool = True,
        mode: Mode = "auto",
    ) -> None:
        self._monitor = Monitor(monitor, mode, min_delta)
        self._patience = whole_number(patience, "patience", 1)
        self._restore = restore_best
        self._forget()

    def _forget(self) -> None:
        self.best_epoch: int | None = None
        self._waited = 0
        self._values: dict[str, Any] | None = None

    @property
    def best(self) -> float | None:
        """The best value so far."""
        return self._monitor.best

    def on_begin(self, run: FitRun) -> None:
        """Forget what was before, and check that there is such a curve."""
        self._monitor.begin(run)
        self._forget()

    def on_epoch_end(self, run: FitRun) -> None:
        """Keep the parameters if they are the best so far, and stop if there were none for long."""
        if self._monitor.improved(run):
            self.best_epoch, self._waited = run.epoch, 0
            if self._restore:
                with run.as_validated():
                    self._values = run.trainer.bound.values()
            return
        self._waited += 1
        if self._waited >= self._patience:
            best = ""
            if self.best_epoch is not None:
                best = f" than {self.best:.6g} in epoch {self.best_epoch + 1}"
            run.stop(f"{self._monitor.name} was no better{best} for {self._waited} epochs")

    def on_end(self, run: FitRun) -> None:
        """Give the model its best parameters back."""
        if self._values is not None:
            run.trainer.bound.assign(self._values)
            self._values = None

    def state_dict(self) -> dict[str, Any]:
        """Return the best value, its epoch and parameters, and how long it was ago."""
        values = {f"{_VALUE}{name}": value for name, value in (self._values or {}).items()}
        own = {"best_epoch": self.best_epoch, "waited": self._waited}
        return self._monitor.state_dict() | own | values

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self._monitor.load_state(state)
        epoch = state["best_epoch"]
        self.best_epoch = None if epoch is None else int(epoch)
        self._waited = int(state["waited"])
        values = {k.removeprefix(_VALUE): v for k, v in state.items() if k.startswith(_VALUE)}
        self._values = values or None
