"""Whether a curve has become better."""

import math
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from mlpcore.callbacks.base import FitRun
from mlpcore.checks import not_negative
from mlpcore.names import unknown

Mode: TypeAlias = Literal["auto", "min", "max"]
_MODES: tuple[Mode, ...] = ("auto", "min", "max")


class Monitor:
    """Watches one curve of a history and remembers its best value.

    Parameters
    ----------
    name : str
        The curve, such as ``"val_loss"``.
    mode : {"auto", "min", "max"}
        Which values are better: ``"auto"`` knows it of losses and of the library's metrics.
    min_delta : float
        By how much at least a better value is better.

    Attributes
    ----------
    best : float or None
        The best value so far; None before the first.
    """

    def __init__(self, name: str, mode: Mode, min_delta: float = 0.0) -> None:
        if mode not in _MODES:
            raise unknown("mode", mode, _MODES)
        self.name, self._mode = name, mode
        self._min_delta = not_negative(min_delta, "min_delta")
        self._sign = 1.0
        self.best: float | None = None

    def begin(self, run: FitRun) -> None:
        """Forget what was before.

        Raises
        ------
        ValueError
            If the fit has no such curve, or nobody knows which of its values are better.
        """
        if self.name not in run.names:
            hint = ""
            if self.name.startswith("val_") and "val_loss" not in run.names:
                hint = "; give validation_data or validation_split"
            raise ValueError(
                f"there is no curve {self.name!r} to monitor; there are "
                f"{', '.join(run.names)}{hint}"
            )
        self._sign = -1.0 if self._larger_is_better(run) else 1.0
        self.best = None

    def _larger_is_better(self, run: FitRun) -> bool:
        if self._mode != "auto":
            return self._mode == "max"
        plain = self.name.removeprefix("val_")
        if plain in ("loss", "objective"):
            return False
        better = {metric.name: metric.better for metric in run.metrics}.get(plain)
        if better is None:
            raise ValueError(
                f"whether larger values of {self.name!r} are better is not known: "
                "give mode='min' or mode='max'"
            )
        return better == "larger"

    def improved(self, run: FitRun) -> bool:
        """Return whether the value of this epoch is the best so far; NaN never is."""
        value = float(run.logs[self.name])
        if math.isnan(value):
            return False
        if self.best is None or self._sign * (self.best - value) > self._min_delta:
            self.best = value
            return True
        return False

    def state_dict(self) -> dict[str, Any]:
        """Return the best value."""
        return {"best": self.best}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take the best value."""
        self.best = None if state["best"] is None else float(state["best"])
