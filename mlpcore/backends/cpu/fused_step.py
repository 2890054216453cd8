"""A whole training step by the compiled kernels: forward, loss, backward and update in one call."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mlpcore.backends.base import StageRecord, StepResult, StepRule
from mlpcore.backends.cpu.compiled import compiled
from mlpcore.backends.cpu.compiled_network import CompiledNetwork
from mlpcore.backends.cpu.fused_loss import FusedLoss, LossInputs, fused_loss
from mlpcore.backends.cpu.fused_optimizer import FusedOptimizer, fused_optimizer
from mlpcore.backends.cpu.num_threads import num_threads
from mlpcore.backends.cpu.pass_record import BACKWARD, FORWARD, STEP, PassRecord
from mlpcore.backends.layout import Layout
from mlpcore.kernels.cpu.product.words import PassWords
from mlpcore.program import Program

LARGEST_KEPT = 1 << 26
"""Bytes of the largest record that is kept for the next step."""


class FusedStep(StepRule):
    """The steps of one trainer.

    Parameters
    ----------
    network : CompiledNetwork
        The network, with the parameters that the steps change.
    loss : Loss
        The data loss of the logits.
    optimizer : FusedOptimizer
        The rule of the update.
    l2 : float
        λ of the penalty.
    decaying : tuple of str
        The names of the parameters that the penalty counts.
    """

    def __init__(
        self,
        network: CompiledNetwork,
        loss: Any,
        optimizer: FusedOptimizer,
        l2: float,
        decaying: tuple[str, ...],
    ) -> None:
        self._network = network
        self._loss = loss
        self._optimizer = optimizer
        self._l2 = l2
        self._decaying = decaying
        table = network.table
        self._dtype = table.dtype
        self._parameters = table.parameters
        self._layout: Layout = table.parameters.layout
        update = table.library.kernels(f"update.{optimizer.kernel}")
        self._apply, self._sweep = update["apply"], update[optimizer.kernel]
        self._losses: dict[bool, FusedLoss | None] = {}
        self._passed: PassRecord | None = None

    def prepare(self, x: Any, t: Any, sample_weight: Any) -> LossInputs | None:
        """Return what the loss needs for a batch, or None where the kernels do not compute it."""
        labels = t.ndim == 1
        if labels not in self._losses:
            outputs = self._network.predictor.outputs
            self._losses[labels] = fused_loss(self._loss, outputs, self._dtype, labels=labels)
        loss = self._losses[labels]
        return None if loss is None or len(x) == 0 else loss.inputs(t, sample_weight)

    def record(self, x: Any) -> tuple[PassRecord, list[StageRecord]]:
        """Go forward and return what `finish` needs, and what the pass left in each stage."""
        passed = PassRecord(self._network.table, len(x), keep_z=True)
        self._go(passed, x, FORWARD)
        return passed, list(passed.stage_records())

    def finish(
        self,
        recorded: PassRecord,
        inputs: LossInputs,
        moments: Mapping[str, Any],
        step: int,
        lr: float,
    ) -> StepResult:
        """Take the rest of a step that `record` began; the caller has locked the parameters."""
        return self._learn(recorded, inputs, moments, step, lr, lambda: self._back(recorded))

    def __call__(
        self,
        x: Any,
        inputs: LossInputs,
        moments: Mapping[str, Any],
        step: int,
        lr: float,
    ) -> StepResult:
        """Take step number `step` on the parameters, which the caller has locked.

        Parameters
        ----------
        x : ndarray, shape (rows, in_features)
            The input.
        inputs : LossInputs
            What `prepare` returned.
        moments : mapping of str to ndarray
            What the optimizer remembers, one flat vector each.
        step : int
            The number of the step, from 1.
        lr : float
            Its learning rate.
        """
        passed = self._record(len(x))
        return self._learn(passed, inputs, moments, step, lr, lambda: self._go(passed, x, STEP))

    def _go(self, passed: PassRecord, x: Any, kind: int) -> None:
        passed.set_input(self._network.standardized(x))
        passed.set_output(np.empty((len(x), self._network.predictor.outputs), self._dtype))
        passed.run(kind, num_threads())

    def _back(self, passed: PassRecord) -> None:
        passed.run(BACKWARD, num_threads())

    def _learn(
        self,
        passed: PassRecord,
        inputs: LossInputs,
        moments: Mapping[str, Any],
        step: int,
        lr: float,
        work: Callable[[], None],
    ) -> StepResult:
        """Say what becomes of the loss and of the gradients, do the work and sum the losses."""
        penalty = self._penalty()
        states = [self._layout.views(moments[name]) for name in self._optimizer.state_names]
        losses = np.empty(passed.rows, self._dtype)
        decayed = self._optimizer.settings(step, lr, self._dtype, decay=self._l2)
        plain = self._optimizer.settings(step, lr, self._dtype)
        kernels = self._network.table.library.kernels(f"loss.{inputs.kernel}")
        words = passed.words
        passed.apply_to(self._parameters.views, self._apply, self._sweep, *states)
        words[PassWords.DX] = 0
        words[PassWords.LOSS] = kernels[inputs.kernel]
        words[PassWords.TARGETS] = inputs.targets.ctypes.data
        words[PassWords.TARGET_STRIDE] = inputs.target_stride
        words[PassWords.TARGET_BYTES] = inputs.targets.strides[0]
        words[PassWords.WEIGHTS] = inputs.weights.ctypes.data
        words[PassWords.LOSSES] = losses.ctypes.data
        words[PassWords.LOSS_SETTINGS] = inputs.settings.ctypes.data
        words[PassWords.WEIGHT_SETTINGS] = decayed.ctypes.data
        words[PassWords.BIAS_SETTINGS] = plain.ctypes.data
        work()
        total = kernels.function("sum_blocks")(losses.ctypes.data, passed.rows)
        loss = self._dtype.type(total)
        return StepResult(loss + penalty, loss, penalty, passed.y)

    def _record(self, rows: int) -> PassRecord:
        passed = self._passed
        if passed is None or passed.rows != rows:
            passed = PassRecord(self._network.table, rows, keep_z=False)
            self._passed = passed if passed.num_bytes <= LARGEST_KEPT else None
        return passed

    def _penalty(self) -> Any:
        """Return s = λ/2 ΣW² of the parameters as they are before the step."""
        zero = self._dtype.type(0)
        if not self._l2:
            return zero
        views = self._parameters.views
        total = sum((np.sum(W * W) for W in map(views.__getitem__, self._decaying)), zero)
        return self._dtype.type(0.5 * self._l2) * total


def fused_step(
    network: CompiledNetwork, program: Program, loss: Any, optimizer: Any, l2: float
) -> FusedStep | None:
    """Return the `FusedStep` of a loss and an optimizer, or None where there are no kernels."""
    rule = fused_optimizer(optimizer)
    if rule is None or loss.custom is not None:
        return None
    if compiled(network.table.dtype, "passes", f"update.{rule.kernel}") is None:
        return None
    decaying = tuple(parameter.name for parameter in program.parameters if parameter.decays)
    return FusedStep(network, loss, rule, l2, decaying)
