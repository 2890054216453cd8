"""A plan composed of segments: those that engines claimed, and the reference for the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from mlpcore.backends.base import DirectPrediction, Engine, Mode, Plan, Run, Segment, StepRule
from mlpcore.backends.interpreter import InterpretedStage
from mlpcore.backends.parameters import ParameterBuffer
from mlpcore.kernels.reference.operation import Scope
from mlpcore.program import Program


@dataclass(frozen=True)
class ComposedPlan(Plan):
    """The segments of a program in order.

    Attributes
    ----------
    xp : module
        The array namespace.
    program : Program
        What the plan computes.
    mode : Mode
        What it is for.
    segments : tuple of Segment
        Together they run every stage once.
    chunk : int
        How many rows prediction carries through all segments at once, so that its scratch memory
        does not grow with the batch.
    """

    xp: Any
    program: Program
    mode: Mode
    segments: tuple[Segment, ...]
    chunk: int

    def forward(self, run: Run, x: Any) -> Any:
        """Return the logits of `x`."""
        rows = x.shape[0]
        if rows <= self.chunk or run.records is not None or self._whole:
            return self._pass(run, x)
        logits = self.xp.empty((rows, self.program.out_features), dtype=x.dtype)
        for start in range(0, rows, self.chunk):
            part = slice(start, min(start + self.chunk, rows))
            key = None if run.random is None else replace(run.random, row=run.random.row + start)
            logits[part] = self._pass(replace(run, random=key, results={}), x[part])
        return logits

    @cached_property
    def _whole(self) -> bool:
        """Whether some operation must see the whole batch at once."""
        return self.program.scope(self.mode is Mode.TRAINING) is Scope.BATCH

    def _pass(self, run: Run, x: Any) -> Any:
        for segment in self.segments:
            x = segment.forward(run, x)
        return x

    def backward(self, run: Run, dz: Any) -> Any:
        """Write the gradients and return that of the input."""
        for segment in reversed(self.segments):
            dz = segment.backward(run, dz)
        return dz

    def direct(
        self, parameters: ParameterBuffer, state: ParameterBuffer, lock: Any, output: Any
    ) -> DirectPrediction | None:
        """Return what the one segment that runs everything has to offer."""
        offer = getattr(self.segments[0], "direct", None)
        if len(self.segments) > 1 or offer is None:
            return None
        found: DirectPrediction = offer(parameters, state, lock, output)
        return found

    def step_rule(
        self,
        parameters: ParameterBuffer,
        state: ParameterBuffer,
        loss: Any,
        optimizer: Any,
        l2: float,
    ) -> StepRule | None:
        """Return what the one segment that runs everything has to say."""
        if len(self.segments) > 1:
            return None
        rule = getattr(self.segments[0], "step_rule", None)
        return None if rule is None else rule(self.program, parameters, state, loss, optimizer, l2)

    def update(
        self,
        parameters: ParameterBuffer,
        optimizer: Any,
        gradient: Any,
        moments: Mapping[str, Any],
        step: int,
        lr: float | None,
    ) -> None:
        """Let `optimizer` take one step on the flat buffer, which the caller has locked."""
        optimizer.update(self.xp, parameters.flat, gradient, moments, step, lr)


def compose(
    program: Program, engines: Sequence[Engine], xp: Any, dtype: Any, mode: Mode, chunk: int
) -> ComposedPlan:
    """Return the plan of `program` in which each stage belongs to the first engine that claims it.

    Raises
    ------
    RuntimeError
        If an engine claims stages that do not begin where it was asked to begin.
    """
    segments: list[Segment] = []
    start = 0
    while start < len(program.stages):
        segment = _claim(program, engines, start, dtype, mode)
        if segment is None:
            segment = InterpretedStage(xp, program.stages[start], start in program.kept)
        if (
            segment.stages.start != start
            or not 0 < len(segment.stages) <= len(program.stages) - start
        ):
            raise RuntimeError(f"{segment!r} does not begin with stage {start}")
        segments.append(segment)
        start = segment.stages.stop
    return ComposedPlan(xp, program, mode, tuple(segments), chunk)


def _claim(
    program: Program, engines: Sequence[Engine], start: int, dtype: Any, mode: Mode
) -> Segment | None:
    for engine in engines:
        segment = engine.claim(program, start, dtype, mode)
        if segment is not None:
            return segment
    return None
