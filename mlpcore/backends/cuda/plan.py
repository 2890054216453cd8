"""A plan on a GPU: segments in a row, and the short ways to a prediction and a training step."""

from dataclasses import dataclass, field
from typing import Any

from mlpcore.backends.base import Backend, Binding, StepRule
from mlpcore.backends.composed import ComposedPlan
from mlpcore.backends.cuda.arithmetic import CUDAArithmetic
from mlpcore.backends.cuda.prediction import CUDAPrediction
from mlpcore.backends.cuda.training_step import CUDAStep, can_step_at_once
from mlpcore.kernels.reference.operation import Scope


@dataclass(frozen=True)
class CUDAPlan(ComposedPlan):
    """The segments of a program in order, on one GPU.

    Attributes
    ----------
    backend : Backend
        The GPU.
    """

    arithmetic: CUDAArithmetic = field()  # unlike its parent's, without a default
    backend: Backend

    def direct(self, binding: Binding, output: Any) -> CUDAPrediction | None:
        """Return what predicts in parts that fit, unless some operation sees the whole batch."""
        if self.program.scope(training=False) is Scope.BATCH:
            return None
        return CUDAPrediction(self, self.arithmetic, self.backend, binding, output)

    def frozen(self, binding: Binding, output: Any) -> CUDAPrediction | None:
        """Return the same: a prediction on a GPU gains nothing by parameters that stay."""
        return self.direct(binding, output)

    def step_rule(self, binding: Binding, loss: Any, optimizer: Any, l2: float) -> StepRule | None:
        """Return how whole training steps are taken at once, or None if that cannot be done."""
        if not can_step_at_once(self.program, loss, optimizer):
            return None
        return CUDAStep(self, self.arithmetic, binding, loss, optimizer, l2)
