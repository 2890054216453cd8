"""Smaller steps where larger ones no longer help."""

from collections.abc import Mapping
from typing import Any

from mlpcore.callbacks.base import Callback, FitRun
from mlpcore.callbacks.monitor import Mode, Monitor
from mlpcore.checks import not_negative, positive, whole_number


class ReduceOnPlateau(Callback):
    """Multiplies the learning rate when a curve has not become better for a while.

    It changes ``trainer.lr``, the base that a schedule multiplies.

    Parameters
    ----------
    monitor : str, default "val_loss"
        The curve.
    factor : float, default 0.1
        What the rate is multiplied by, between 0 and 1.
    patience : int, default 10
        After how many epochs without a better value.
    min_delta : float, default 0
        By how much at least a better value is better.
    cooldown : int, default 0
        For how many epochs after a reduction none is counted.
    min_lr : float, default 0
        The rate is not made smaller than this.
    mode : {"auto", "min", "max"}
        Which values are better; ``"auto"`` knows it of losses and of the library's metrics.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range; in `fit`, if there is no such curve.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        min_delta: float = 0.0,
        *,
        cooldown: int = 0,
        min_lr: float = 0.0,
        mode: Mode = "auto",
    ) -> None:
        self._monitor = Monitor(monitor, mode, min_delta)
        self._factor = positive(factor, "factor")
        if self._factor >= 1:
            raise ValueError(f"factor must be below 1, got {factor!r}")
        self._patience = whole_number(patience, "patience", 1)
        self._cooldown = whole_number(cooldown, "cooldown", 0)
        self._min_lr = not_negative(min_lr, "min_lr")
        self._waited = self._cooling = 0

    def on_begin(self, run: FitRun) -> None:
        """Forget what was before, and check that there is such a curve."""
        self._monitor.begin(run)
        self._waited = self._cooling = 0

    def on_epoch_end(self, run: FitRun) -> None:
        """Count an epoch, and reduce the rate if it was one too many."""
        better = self._monitor.improved(run)
        cooling = self._cooling > 0
        self._cooling -= cooling
        if better or cooling:
            self._waited = 0
            return
        self._waited += 1
        if self._waited >= self._patience:
            trainer = run.trainer
            reduced = max(trainer.lr * self._factor, self._min_lr)
            if 0 < reduced < trainer.lr:
                trainer.lr = reduced
            self._waited, self._cooling = 0, self._cooldown

    def state_dict(self) -> dict[str, Any]:
        """Return the best value, and what was counted since."""
        own = {"waited": self._waited, "cooling": self._cooling}
        return self._monitor.state_dict() | own

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self._monitor.load_state(state)
        self._waited, self._cooling = int(state["waited"]), int(state["cooling"])
