"""A plan composed of segments: those that engines claimed, and interpreted stages for the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlpcore.backends.arithmetic import REFERENCE, Arithmetic
from mlpcore.backends.base import (
    Binding,
    DirectPrediction,
    Engine,
    FrozenPrediction,
    Mode,
    Plan,
    Run,
    Saved,
    Segment,
    StepRule,
)
from mlpcore.backends.interpreter import InterpretedStage
from mlpcore.backends.parameters import ParameterBuffer
from mlpcore.backends.spans import Span, joined, spans_of
from mlpcore.cached import cached_property
from mlpcore.kernels.reference.operation import Operation, Scope
from mlpcore.program import Program


@dataclass(frozen=True, eq=False)
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
    arithmetic : Arithmetic
        What computes the loss and the update.
    """

    xp: Any
    program: Program
    mode: Mode
    segments: tuple[Segment, ...]
    chunk: int
    arithmetic: Arithmetic = REFERENCE

    def forward(self, run: Run, x: Any) -> Any:
        """Return the logits of `x`."""
        rows = x.shape[0]
        if rows <= self.chunk or run.records is not None or self._whole:
            return self._pass(run, x)
        logits = self.xp.empty((rows, self.program.out_features), dtype=x.dtype)
        for start in range(0, rows, self.chunk):
            part = slice(start, min(start + self.chunk, rows))
            key = None if run.random is None else run.random._replace(row=run.random.row + start)
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

    def direct(self, binding: Binding, output: Any) -> DirectPrediction | None:
        """Return what the one segment that runs everything has to offer."""
        offer = self._offer("direct")
        found: DirectPrediction | None = offer and offer(binding, output)
        return found

    def frozen(self, binding: Binding, output: Any) -> FrozenPrediction | None:
        """Return what the one segment that runs everything has to offer."""
        offer = self._offer("frozen")
        found: FrozenPrediction | None = offer and offer(binding, output)
        return found

    def _offer(self, name: str) -> Any:
        """Return the method `name` of the one segment that runs everything, or None."""
        return getattr(self.segments[0], name, None) if len(self.segments) == 1 else None

    def step_rule(self, binding: Binding, loss: Any, optimizer: Any, l2: float) -> StepRule | None:
        """Return what the one segment that runs everything has to say."""
        offer = self._offer("step_rule")
        found: StepRule | None = offer and offer(binding, self.program, loss, optimizer, l2)
        return found

    def saved(self, operation: Operation, rows: int, width: int, itemsize: int) -> Saved:
        """Return what the arithmetic leaves."""
        return self.arithmetic.saved(operation, rows, width, itemsize)

    def loss(self, loss: Any, z: Any, t: Any, sample_weight: Any) -> tuple[Any, Any]:
        """Return the loss of the logits `z` and its gradient dz."""
        return self.arithmetic.loss(self.xp, loss, z, t, sample_weight)

    def update(
        self,
        parameters: ParameterBuffer,
        optimizer: Any,
        gradient: Any,
        moments: Mapping[str, Any],
        step: int,
        lr: float | None,
        spans: Sequence[Span] | None = None,
    ) -> None:
        """Let `optimizer` take one step on the flat buffer, which the caller has locked."""
        xp, update, exempt = self.xp, self.arithmetic.update, optimizer.exempt
        if spans is None and exempt is optimizer:
            update(xp, optimizer, parameters.flat, gradient, moments, step, lr)
            return
        if spans is None:
            spans = joined(spans_of(self.program, parameters.layout).values(), apart=True)
        rate = optimizer.lr if lr is None else lr
        for span in spans:
            rule = optimizer if span.decays else exempt
            part = span.of({"p": parameters.flat, "g": gradient})
            of_state = span.of(moments)
            update(xp, rule, part["p"], part["g"], of_state, step, rate * span.lr_scale)


def compose(
    program: Program,
    engines: Sequence[Engine],
    xp: Any,
    dtype: Any,
    mode: Mode,
    chunk: int,
    arithmetic: Arithmetic = REFERENCE,
) -> ComposedPlan:
    """Return the plan of `program` in which each stage belongs to the first engine that claims it.

    Parameters
    ----------
    program : Program
        What the plan computes.
    engines : sequence of Engine
        Who may claim stages.
    xp : module
        The array namespace.
    dtype : dtype
        float32 or float64.
    mode : Mode
        What the plan is for.
    chunk : int
        How many rows prediction carries through all segments at once.
    arithmetic : Arithmetic
        What computes the stages that nobody claims, the loss and the update.

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
            segment = InterpretedStage(xp, program.stages[start], start in program.kept, arithmetic)
        if (
            segment.stages.start != start
            or not 0 < len(segment.stages) <= len(program.stages) - start
        ):
            raise RuntimeError(f"{segment!r} does not begin with stage {start}")
        segments.append(segment)
        start = segment.stages.stop
    return ComposedPlan(xp, program, mode, tuple(segments), chunk, arithmetic)


def _claim(
    program: Program, engines: Sequence[Engine], start: int, dtype: Any, mode: Mode
) -> Segment | None:
    for engine in engines:
        segment = engine.claim(program, start, dtype, mode)
        if segment is not None:
            return segment
    return None
