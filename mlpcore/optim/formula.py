"""An optimizer whose step is a function of what it remembers and of its settings."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, ClassVar

import numpy as np

from mlpcore.kernels.reference.typing import Array, Namespace

from .base import Optimizer


class ByFormula(Optimizer):
    """Steps by a function of `kernels.reference.optimizers`; a subclass is a dataclass."""

    _formula: ClassVar[Callable[..., None]]
    """Takes the vectors of `state_names` in their order, and the settings by their names."""

    @np.errstate(all="ignore")
    def update(
        self,
        xp: Namespace,
        p: Array,
        g: Array,
        state: Mapping[str, Array],
        step: int,
        lr: float | None = None,
    ) -> None:
        """Take one step, in place; see `Optimizer.update`."""
        settings = self._settings(step)
        if lr is not None:
            settings["lr"] = float(lr)
        self._formula(xp, p, g, *(state[name] for name in self.state_names), **settings)

    def _settings(self, step: int) -> dict[str, Any]:  # noqa: ARG002
        """Return what the formula is given in step number `step`."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
