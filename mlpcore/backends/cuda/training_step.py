"""A training step on a GPU: asked for as a whole, with nobody waiting for any of it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from mlpcore.backends.base import Binding, Plan, Run, StageRecord, StepResult, StepRule
from mlpcore.backends.cuda.arithmetic import CUDAArithmetic, rule_of
from mlpcore.cached import cached_property
from mlpcore.kernels.cuda.penalty import penalized
from mlpcore.kernels.reference.operation import RandomKey
from mlpcore.kernels.reference.operations import OPERATIONS
from mlpcore.program import Program

Inputs = tuple[Any, Any]
"""Targets and sample weights."""

_QUAD = 4
"""Numbers that are read at once where vectors are aligned, as those of a model are."""


class CUDAStep(StepRule):
    """The steps of one trainer.

    The gradient λW of the penalty is added while the optimizer reads the gradient, so that a step
    with a penalty takes two launches more than one without, those of its value.  Layers
    write running statistics to a copy of the whole state, which takes its place with the update.

    Parameters
    ----------
    plan : Plan
        The plan of training.
    arithmetic : CUDAArithmetic
        What takes the update.
    binding : Binding
        The parameters that the steps change.
    loss : Loss
        The data loss of the logits.
    optimizer : Optimizer
        One that has a kernel.
    l2 : float
        λ of the penalty.
    """

    keeps_gradient = True

    def __init__(
        self,
        plan: Plan,
        arithmetic: CUDAArithmetic,
        binding: Binding,
        loss: Any,
        optimizer: Any,
        l2: float,
    ) -> None:
        xp, parameters = arithmetic.xp, binding.parameters
        self._plan = plan
        self._arithmetic = arithmetic
        self._binding = binding
        self._loss = loss
        self._optimizer = optimizer
        self._l2 = l2
        self._no_penalty = xp.zeros((), parameters.flat.dtype)
        self._least_rows = max(1, plan.program.least_rows(training=True))

    def set_l2(self, l2: float) -> None:
        """Take another λ of the penalty from the next step on."""
        self._l2 = l2

    @property
    def _decayed(self) -> Any:
        """The ranges of the parameters that decay, where any do."""
        return self._ranges if self._l2 or self._optimizer.exempt is not self._optimizer else None

    @cached_property
    def _ranges(self) -> Any:
        slots = self._binding.parameters.layout.slots
        found = [slots[p.name] for p in self._plan.program.parameters if p.decays]
        ranges = [(slot.start, slot.start + slot.size) for slot in found]
        return self._arithmetic.xp.asarray(np.array(ranges, np.int64).reshape(-1, 2))

    @cached_property
    def _gradient(self) -> Any:
        """The flat gradient, whose holes stay zero."""
        return self._arithmetic.xp.zeros_like(self._binding.parameters.flat)

    @cached_property
    def _gradients(self) -> dict[str, Any]:
        """The gradient of each parameter, a view."""
        return self._binding.parameters.layout.views(self._gradient)

    def prepare(self, x: Any, t: Any, sample_weight: Any) -> Inputs | None:
        """Return what the loss needs."""
        return (t, sample_weight) if len(x) >= self._least_rows else None

    def load(self, inputs: Inputs) -> None:  # noqa: ARG002
        """Load what a step has besides its passes and its loss: the penalty and the update.

        Kernels are loaded where they are first launched, so they are launched here, on numbers of
        no model, with a penalty and without: λ may change between steps.
        """
        xp, dtype = self._arithmetic.xp, self._binding.parameters.flat.dtype
        names = self._optimizer.state_names
        p, g, *states = xp.zeros((2 + len(names), _QUAD), dtype)
        moments = dict(zip(names, states, strict=True))
        nothing = xp.zeros((0, 2), np.int64)
        penalized(self._no_penalty, p, 1.0, nothing)
        for decay in (0.0, 1.0):
            self._arithmetic.update(
                xp, self._optimizer, p, g, moments, 1, None, decay=decay, decayed=nothing
            )

    def record(self, x: Any, seed: int, step: int) -> tuple[tuple[Run, Any], list[StageRecord]]:
        """Go forward; what operations do to the state stays in a copy of it."""
        binding = self._binding
        records = [StageRecord() for _ in self._plan.program.stages]
        flat, state = binding.state.copied()
        run = Run(
            binding.parameters,
            state,
            binding.state,
            flat,
            training=True,
            records=records,
            random=RandomKey(seed, step - 1),
            gradients=self._gradients,
            need_dx=False,
            settings=binding.settings,
        )
        return (run, self._plan.forward(run, x)), records

    def finish(
        self,
        recorded: tuple[Run, Any],
        inputs: Inputs,
        moments: Mapping[str, Any],
        step: int,
        lr: float,
    ) -> StepResult:
        """Take the rest of what `record` began; the caller has locked parameters and state."""
        run, z = recorded
        p = self._binding.parameters.flat
        L, dz = self._plan.loss(self._loss, z, *inputs)
        self._plan.backward(replace(run, result_gradients={}), dz)
        J, s = L, self._no_penalty
        if self._l2:
            J, s = penalized(L, p, self._l2, self._decayed)
        self._arithmetic.update(
            self._arithmetic.xp,
            self._optimizer,
            p,
            self._gradient,
            moments,
            step,
            lr,
            decay=self._l2,
            decayed=self._decayed,
        )
        if run.state:
            self._binding.state.flat[...] = run.state_copy
        return StepResult(J, L, s, z)

    def __call__(
        self,
        x: Any,
        inputs: Inputs,
        moments: Mapping[str, Any],
        seed: int,
        step: int,
        lr: float,
    ) -> StepResult:
        """Take the whole step, in place; the caller has locked parameters and state."""
        recorded, _ = self.record(x, seed, step)
        return self.finish(recorded, inputs, moments, step, lr)


def can_step_at_once(program: Program, loss: Any, optimizer: Any) -> bool:
    """Return whether a step runs no code of a user's own.

    That may look at the model, which is locked during such a step.
    """
    steps = [step for stage in program.stages for step in stage.steps]
    return (
        rule_of(optimizer) is not None
        and loss.custom is None
        and all(type(step.operation) in OPERATIONS.values() for step in steps)
        and all(getattr(step.operation, "custom", None) is None for step in steps)
    )
