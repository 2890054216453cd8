"""A whole training step by the compiled kernels: forward, loss, backward and update in one call."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from mlpcore.backends.base import Settings, StageRecord, StepResult, StepRule
from mlpcore.backends.cpu.array_cell import data_address
from mlpcore.backends.cpu.compiled import compiled
from mlpcore.backends.cpu.compiled_network import CompiledNetwork
from mlpcore.backends.cpu.fused_loss import FusedLoss, LossInputs, fused_loss
from mlpcore.backends.cpu.num_threads import num_threads
from mlpcore.backends.cpu.pass_layers import units_of
from mlpcore.backends.cpu.pass_record import STEP, PassRecord
from mlpcore.backends.cpu.squares import SquaresKernel
from mlpcore.backends.fused_optimizer import FusedOptimizer, fused_optimizer
from mlpcore.backends.layout import Layout
from mlpcore.cached import cached_property
from mlpcore.kernels.cpu.product.words import BACKWARD, FORWARD, PassWords
from mlpcore.kernels.cpu.units import Kernels
from mlpcore.kernels.reference.operation import RandomKey
from mlpcore.program import Program

MOST_KEPT = 1 << 30
"""Bytes of the records that are kept for the next steps: to get as much memory anew from the system
may take as long as a third of a step, more where the machine is a virtual one."""
KEPT_SIZES = 2
"""For how many numbers of rows one is kept: the last batch of an epoch may be smaller."""


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
    least_rows : int
        How many rows a step needs.
    settings : Settings
        What the model asks for.
    """

    def __init__(
        self,
        network: CompiledNetwork,
        loss: Any,
        optimizer: FusedOptimizer,
        l2: float,
        decaying: tuple[str, ...],
        least_rows: int,
        settings: Settings,
    ) -> None:
        self._network = network
        self._loss = loss
        self._optimizer = optimizer
        self._l2 = l2
        self._decaying = decaying
        self._least_rows = max(least_rows, 1)
        self._settings = settings
        table = network.table
        self._drops = table.fused.drops
        self._dtype = table.dtype
        self._parameters = table.parameters
        self._layout: Layout = table.parameters.layout
        self._update = table.library.kernels(f"update.{optimizer.kernel}")
        self._zero = self._dtype.type(0)
        # What NumPy computes here may overflow, but as a rule it computes nothing.
        self._open = network.entrance.open
        self._quiet = not l2 and self._open
        self._one_column = loss.expects != "classes" and network.predictor.outputs == 1
        self._losses: dict[bool, FusedLoss | None] = {}
        self._kept: dict[int, _Learning] = {}

    def prepare(self, x: Any, t: Any, sample_weight: Any) -> LossInputs | None:
        """Return what the loss needs for a batch, or None where the kernels do not compute it."""
        labels = t.ndim == 1 and not self._one_column
        if labels not in self._losses:
            outputs = self._network.predictor.outputs
            self._losses[labels] = fused_loss(self._loss, outputs, self._dtype, labels=labels)
        loss = self._losses[labels]
        if loss is None or len(x) < self._least_rows:
            return None
        return loss.inputs(t, sample_weight)

    def load(self, inputs: LossInputs) -> None:
        """Load the kernels that a step with such inputs needs."""
        self._loss_kernels(inputs)

    def record(self, x: Any, seed: int, step: int) -> tuple["_Recorded", list[StageRecord]]:
        """Go forward and return what `finish` needs, and what the pass left in each stage."""
        passed = PassRecord(self._network.table, len(x), keep_z=True)
        state, views = self._network.state.copied()
        passed.follow(views)
        if self._drops:
            passed.draw(seed, step - 1)
        self._enter(passed, x, seed, step)
        passed.run(FORWARD, num_threads(self._settings.num_threads))
        return _Recorded(passed, state), list(passed.stage_records())

    def finish(
        self,
        recorded: "_Recorded",
        inputs: LossInputs,
        moments: Mapping[str, Any],
        step: int,
        lr: float,
    ) -> StepResult:
        """Take the rest of a step that `record` began; the caller has locked what it changes."""
        learning = _Learning(recorded.passed, self._loss_kernels(inputs))
        self._let_learn(learning, moments)
        result = self._learn(learning, inputs, step, lr, BACKWARD)
        self._network.state.flat[...] = recorded.state
        return result

    def set_l2(self, l2: float) -> None:
        """Take another λ of the penalty from the next step on."""
        if not all(learning.set_decay(l2) for learning in self._kept.values()):
            self._kept.clear()
        self._l2 = l2
        self._quiet = not l2 and self._open

    def __call__(
        self,
        x: Any,
        inputs: LossInputs,
        moments: Mapping[str, Any],
        seed: int,
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
            What the optimizer remembers, one flat vector each; the same in every step.
        seed : int
            Of what the step draws.
        step : int
            The number of the step, from 1.
        lr : float
            Its learning rate.
        """
        if self._quiet:
            return self._step(x, inputs, moments, seed, step, lr)
        with np.errstate(all="ignore"):
            return self._step(x, inputs, moments, seed, step, lr)

    def _step(
        self,
        x: Any,
        inputs: LossInputs,
        moments: Mapping[str, Any],
        seed: int,
        step: int,
        lr: float,
    ) -> StepResult:
        rows = len(x)
        learning = self._kept.get(rows)
        if learning is None or learning.loss != inputs.kernel:
            passed = PassRecord(self._network.table, rows, keep_z=False)
            passed.follow(self._network.state.views)
            self._enter(passed, x, seed, step)
            learning = _Learning(passed, self._loss_kernels(inputs))
            self._let_learn(learning, moments)
            self._keep(rows, learning)
        elif self._open and x.flags.c_contiguous:
            learning.enter(x)
        else:
            self._enter(learning.passed, x, seed, step)
        if self._drops:
            learning.passed.draw(seed, step - 1)
        return self._learn(learning, inputs, step, lr, STEP)

    def _keep(self, rows: int, learning: "_Learning") -> None:
        """Keep a record for the next steps on as many rows."""
        self._kept.pop(rows, None)
        num_bytes = learning.passed.num_bytes
        held = sum(kept.passed.num_bytes for kept in self._kept.values())
        if len(self._kept) == KEPT_SIZES or held + num_bytes > MOST_KEPT:
            self._kept.clear()
        if num_bytes <= MOST_KEPT:
            self._kept[rows] = learning

    def _enter(self, passed: PassRecord, x: Any, seed: int, step: int) -> None:
        entered, _ = self._network.entrance.forward(x, RandomKey(seed, step - 1))
        passed.set_input(entered)
        passed.set_output(np.empty((len(x), self._network.predictor.outputs), self._dtype))

    def _let_learn(self, learning: "_Learning", moments: Mapping[str, Any]) -> None:
        """Say where gradients go: to the parameters and the moments, by way of the optimizer."""
        states = [self._layout.views(moments[name]) for name in self._optimizer.state_names]
        passed = learning.passed
        optimizer = self._optimizer
        passed.apply_to(self._parameters.views, self._update, optimizer.kernel, *states)
        settings = optimizer.settings(1, 1.0, self._dtype, decay=self._l2)
        plain = optimizer.exempt(settings)
        learning.keep_settings(settings, plain, changing=len(settings) - 1 - optimizer.decoupled)

    def _learn(
        self, learning: "_Learning", inputs: LossInputs, step: int, lr: float, kind: int
    ) -> StepResult:
        """Go through the loss and back, and change the parameters."""
        penalty = self._penalty() if self._l2 else self._zero
        learning.begin(inputs, self._optimizer.numbers(step, lr))
        learning.passed.run(kind, num_threads(self._settings.num_threads))
        loss = self._dtype.type(learning.total())
        return StepResult(loss + penalty, loss, penalty, learning.passed.y)

    def _loss_kernels(self, inputs: LossInputs) -> tuple[str, Kernels]:
        return inputs.kernel, self._network.table.library.kernels(f"loss.{inputs.kernel}")

    def _penalty(self) -> Any:
        """Return s = λ/2 ΣW² of the parameters as they are before the step."""
        views = self._parameters.views
        total = sum((self._squares(views[name]) for name in self._decaying), self._zero)
        return self._dtype.type(0.5 * self._l2) * total

    @cached_property
    def _squares(self) -> SquaresKernel:
        return SquaresKernel(self._network.table.library)


class _Recorded(NamedTuple):
    """What has gone forward, and the flat running statistics as they are after the step."""

    passed: PassRecord
    state: Any


class _Learning:
    """A record together with all that stays the same from step to step.

    Parameters
    ----------
    passed : PassRecord
        The record.
    loss : tuple of str and Kernels
        The name of the loss, and its kernels.
    """

    def __init__(self, passed: PassRecord, loss: tuple[str, Kernels]) -> None:
        self.passed = passed
        self.loss, kernels = loss
        self._sum = kernels.function("sum_blocks", holds_gil=True)
        self._losses = np.empty(passed.rows, passed.table.dtype)
        self._inputs: LossInputs | None = None
        self._numbers: tuple[float, ...] | None = None
        words = passed.words
        words[PassWords.DX] = 0
        words[PassWords.LOSS] = kernels[self.loss]
        words[PassWords.LOSSES] = self._address = data_address(self._losses)
        self._words = memoryview(words)  # written to in half the time that the array takes

    def keep_settings(self, decayed: Any, plain: Any, *, changing: int) -> None:
        """Make room for the numbers of a step: those of weights, and of biases, never decayed.

        Of the numbers of biases, the first `changing` are those of weights, the rest stay 0.
        """
        self.passed.words[PassWords.WEIGHT_SETTINGS] = data_address(decayed)
        self.passed.words[PassWords.BIAS_SETTINGS] = data_address(plain)
        # Unlike an array, a view makes infinity of what is too large for float32 without a warning.
        self._settings: tuple[tuple[Any, int], ...] = ((memoryview(decayed), len(decayed) - 1),)
        if plain is not decayed:
            self._settings += ((memoryview(plain), changing),)

    def set_decay(self, decay: float) -> bool:
        """Change the decay of weights; say False where biases would have it, too."""
        if len(self._settings) == 1:
            return False
        self._settings[0][0][0] = decay
        return True

    def enter(self, x: Any) -> None:
        """Let `x`, C-contiguous, be the batch in place of another of its shape."""
        passed, words = self.passed, self._words
        passed.x, passed.y = x, np.empty_like(passed.y)
        words[PassWords.X] = data_address(x)
        words[PassWords.LDX] = x.shape[1]
        words[PassWords.Y] = data_address(passed.y)

    def begin(self, inputs: LossInputs, numbers: tuple[float, ...]) -> None:
        """Take the inputs of the loss and the numbers of a step."""
        if numbers != self._numbers:
            for settings, count in self._settings:
                for place, number in enumerate(numbers[:count], 1):
                    settings[place] = number
            self._numbers = numbers
        words, targets, before = self._words, inputs.targets, self._inputs
        self._inputs = inputs  # kept alive until the next step
        words[PassWords.TARGETS] = data_address(targets)
        words[PassWords.TARGET_BYTES] = stride = targets.strides[0]
        words[PassWords.TARGET_STRIDE] = stride // targets.itemsize
        if before is None or inputs.weights is not before.weights:
            words[PassWords.WEIGHTS] = data_address(inputs.weights)
        if before is None or inputs.settings is not before.settings:
            words[PassWords.LOSS_SETTINGS] = data_address(inputs.settings)

    def total(self) -> float:
        """Return the sum of the losses of all rows."""
        total: float = self._sum(self._address, self.passed.rows)
        return total


def fused_step(
    network: CompiledNetwork,
    program: Program,
    loss: Any,
    optimizer: Any,
    l2: float,
    settings: Settings,
) -> FusedStep | None:
    """Return the `FusedStep` of a loss and an optimizer, or None where there are no kernels."""
    rule = fused_optimizer(optimizer)
    if rule is None or loss.custom is not None:
        return None
    units = "passes", f"update.{rule.kernel}", *units_of(network.table.fused)
    if compiled(network.table.dtype, *units) is None:
        return None
    decaying = tuple(parameter.name for parameter in program.parameters if parameter.decays)
    return FusedStep(network, loss, rule, l2, decaying, program.least_rows(True), settings)
