"""The reference engine: any stage of any program, interpreted operation by operation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlpcore.backends.base import Run, Segment, StageRecord
from mlpcore.kernels.reference.operation import Call
from mlpcore.kernels.reference.product import (
    product,
    product_input_gradient,
    product_weight_gradient,
)
from mlpcore.program import Stage, Step


@dataclass(frozen=True)
class InterpretedStage(Segment):
    """One stage on the array namespace `xp`, with the mathematics of the reference.

    Attributes
    ----------
    xp : module
        The array namespace.
    stage : Stage
        What to compute.
    kept : bool
        Whether a later operation reads the result again.
    """

    xp: Any
    stage: Stage
    kept: bool

    @property
    def stages(self) -> range:  # type: ignore[override]
        """The one stage."""
        return range(self.stage.index, self.stage.index + 1)

    def forward(self, run: Run, x: Any) -> Any:
        """Return the stage's result for `x`."""
        record = None if run.records is None else run.records[self.stage.index]
        y = self._apply(self.stage.before, run, record, x)
        if record is not None:
            record.x = y
        if self.stage.weight is not None:
            y = product(y, run.parameters.views[self.stage.weight])
        at = self.stage.activation
        if at is None:
            y = z = self._apply(self.stage.after, run, record, y)
        else:
            z = self._apply(self.stage.after[:at], run, record, y)
            y = self._apply(self.stage.after[at:], run, record, z)
        if record is not None:
            record.z, record.a = z, y
        if self.kept:
            run.results[self.stage.index] = y
        return y

    def backward(self, run: Run, dy: Any) -> Any:
        """Return the gradient of the stage's input."""
        if run.records is None:
            raise RuntimeError("a forward pass without a record cannot be differentiated")
        index = self.stage.index
        record = run.records[index]
        if index in run.result_gradients:
            dy = dy + run.result_gradients.pop(index)
        at = self.stage.activation
        after = self.stage.after
        if run.da is not None:
            run.da[index] = dy
        dz = dy if at is None else self._differentiate(after[at:], run, record, dy)
        if run.dz is not None:
            run.dz[index] = dz
        dy = self._differentiate(after if at is None else after[:at], run, record, dz)
        wanted = run.need_dx or index > 0
        if self.stage.weight is not None:
            W = run.parameters.views[self.stage.weight]
            dW = run.gradients[self.stage.weight]
            product_weight_gradient(self.xp, dy, record.x, dW)
            if not wanted and not any(step.parameters for step in self.stage.before):
                return None
            dy = product_input_gradient(dy, W)
        dx = self._differentiate(self.stage.before, run, record, dy)
        return dx if wanted else None

    def _apply(self, steps: Sequence[Step], run: Run, record: StageRecord | None, x: Any) -> Any:
        for step in steps:
            call = Call(
                self.xp,
                parameters={own: run.parameters.views[name] for own, name in step.parameters},
                state={own: run.state[name] for own, name in step.state},
                sources=tuple(run.results[source] for source in step.sources),
                training=run.training,
                random=None if run.random is None else replace(run.random, layer=step.position),
                saved=None if record is None else {},
            )
            x = step.operation.forward(call, x)
            if record is not None:
                record.calls[step.position] = call
        return x

    def _differentiate(self, steps: Sequence[Step], run: Run, record: StageRecord, dy: Any) -> Any:
        for step in reversed(steps):
            call = replace(
                record.calls[step.position],
                gradients={own: run.gradients[name] for own, name in step.parameters},
                source_gradients=[],
            )
            dy = step.operation.backward(call, dy)
            for source, gradient in zip(step.sources, call.source_gradients, strict=True):
                known = run.result_gradients.get(source)
                run.result_gradients[source] = gradient if known is None else known + gradient
        return dy
