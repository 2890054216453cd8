"""Stages that go forward in fewer launches than they have steps, and backward layer by layer."""

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from mlpcore.backends.base import Run, Segment
from mlpcore.backends.cuda.arithmetic import CUDAArithmetic, setting_of
from mlpcore.backends.cuda.choices import Choice
from mlpcore.backends.fused_stages import FusedStage, fused_stages
from mlpcore.kernels.cuda.activations import FORMULAS
from mlpcore.kernels.reference.operation import Call
from mlpcore.program import Program


class FusedSegment(Segment):
    """Products with their biases and activations; how they go forward is left to a subclass.

    Parameters
    ----------
    arithmetic : CUDAArithmetic
        What computes the way back.
    start : int
        The number of the first stage.
    stages : sequence of FusedStage
        What is computed.
    kept : bool
        Whether a later operation reads the result again.
    """

    def __init__(
        self, arithmetic: CUDAArithmetic, start: int, stages: Sequence[FusedStage], *, kept: bool
    ) -> None:
        self.stages = range(start, start + len(stages))
        self._arithmetic = arithmetic
        self._fused = tuple(stages)
        self._kept = kept

    def forward(self, run: Run, x: Any) -> Any:
        """Return the result for `x`."""
        x = self._arithmetic.xp.ascontiguousarray(x)
        y = self._result(run, x) if run.records is None else self._recorded(run, x)
        if self._kept:
            run.results[self.stages[-1]] = y
        return y

    def _result(self, run: Run, x: Any) -> Any:
        """Return the last stage's a."""
        raise NotImplementedError

    def _passed(self, run: Run, x: Any) -> tuple[Sequence[Any], Sequence[Any]]:
        """Return each stage's z and a."""
        raise NotImplementedError

    def _recorded(self, run: Run, x: Any) -> Any:
        assert run.records is not None  # by `forward`
        for index, z, a in zip(self.stages, *self._passed(run, x), strict=True):
            record = run.records[index]
            record.x, record.z, record.a = x, z, a
            x = a
        return x

    def backward(self, run: Run, dy: Any) -> Any:
        """Return the gradient of the segment's input."""
        if run.records is None:
            raise RuntimeError("a forward pass without a record cannot be differentiated")
        xp, arithmetic = self._arithmetic.xp, self._arithmetic
        if self.stages[-1] in run.result_gradients:
            dy = dy + run.result_gradients.pop(self.stages[-1])
        for index, stage in zip(reversed(self.stages), reversed(self._fused), strict=True):
            record = run.records[index]
            if run.da is not None:
                run.da[index] = dy
            if stage.activation is not None:
                call = Call(xp, saved={"z": record.z, "a": record.a})
                dy = arithmetic.differentiate(stage.activation, call, dy)
            if run.dz is not None:
                run.dz[index] = dy
            needed = run.need_dx or index > 0
            dy = arithmetic.affine_gradient(
                xp, run, stage.weight, stage.bias, record.x, dy, need_dx=needed
            )
        return dy


def chosen_stages(
    arithmetic: CUDAArithmetic, program: Program, start: int, dtype: Any, choice: Choice
) -> list[FusedStage]:
    """Return the stages from `start` on for which the table says `choice`, up to the first other.

    Their activations are those that have a formula: of each element by itself.
    """
    fused = fused_stages(program, start)
    if fused is None or fused.standardize is not None:
        return []

    def fits(stage: FusedStage) -> bool:
        choices = arithmetic.table.choices(dtype, stage.in_features, stage.out_features)
        return formula_of(stage)[0] in FORMULAS and choices.forward is choice

    return list(takewhile(fits, fused.stages))


def formula_of(stage: FusedStage) -> tuple[str, float]:
    """Return the name of a stage's activation, and its setting."""
    if stage.activation is None:
        return "identity", 0.0
    return stage.activation.name, setting_of(stage.activation)
