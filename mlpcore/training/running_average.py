"""The average of the parameters that a trainer keeps while it steps."""

from typing import Any

from mlpcore.backends.bound import BoundProgram
from mlpcore.cached import cached_property
from mlpcore.training.averaging import Average


class RunningAverage:
    """One flat vector beside the parameters.

    Parameters
    ----------
    bound : BoundProgram
        Whose parameters are averaged.
    rule : Average
        Which average it is.

    Attributes
    ----------
    flat : array
        The average, in the layout of the parameters; meaningless before any was taken in.
    taken : int
        How many updates it has taken in.
    """

    def __init__(self, bound: BoundProgram, rule: Average) -> None:
        self._bound = bound
        self.rule = rule
        self.flat = bound.gradient()
        self.taken = 0

    @cached_property
    def _scratch(self) -> Any:
        return self._bound.gradient()

    def take(self, step: int) -> None:
        """Take in the parameters after update number `step`; the caller has locked them."""
        share = self.rule.share(step, self.taken)
        if share is None:
            return
        xp, p, average = self._bound.backend.xp, self._bound.parameters.flat, self.flat
        if share == 1:
            average[...] = p
        else:
            change = xp.subtract(p, average, out=self._scratch)
            change *= share
            average += change
        self.taken += 1
