"""Any stage of any program, interpreted operation by operation: what runs where no engine does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlpcore.backends.arithmetic import REFERENCE, Arithmetic
from mlpcore.backends.base import Run, Segment, StageRecord
from mlpcore.cached import cached_property
from mlpcore.kernels.reference.operation import Call, RandomKey
from mlpcore.kernels.reference.operations import Bias
from mlpcore.program import Stage, Step


@dataclass(frozen=True, eq=False)
class InterpretedStage(Segment):
    """One stage, its product and its operations one after the other.

    Attributes
    ----------
    xp : module
        The array namespace.
    stage : Stage
        What to compute.
    kept : bool
        Whether a later operation reads the result again.
    arithmetic : Arithmetic
        What computes them.
    """

    xp: Any
    stage: Stage
    kept: bool
    arithmetic: Arithmetic = REFERENCE

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
            y = self.arithmetic.affine(run, self.stage.weight, self._bias, y)
        z = self._apply(self._to_z, run, record, y)
        y = self._apply(self._from_z, run, record, z)
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
        if run.da is not None:
            run.da[index] = dy
        dz = self._differentiate(self._from_z, run, record, dy)
        if run.dz is not None:
            run.dz[index] = dz
        dy = self._differentiate(self._to_z, run, record, dz)
        wanted = run.need_dx or index > 0
        if self.stage.weight is not None:
            needed = wanted or any(step.parameters for step in self.stage.before)
            dy = self.arithmetic.affine_gradient(
                self.xp, run, self.stage.weight, self._bias, record.x, dy, need_dx=needed
            )
            if not needed:
                return None
        dx = self._differentiate(self.stage.before, run, record, dy)
        return dx if wanted else None

    @cached_property
    def _bias(self) -> str | None:
        """The bias right after the product, which is computed with it."""
        after = self.stage.after
        if self.stage.weight is None or not after or type(after[0].operation) is not Bias:
            return None
        return dict(after[0].parameters)["bias"]

    @cached_property
    def _to_z(self) -> tuple[Step, ...]:
        """What lies between the product and the pre-activation z."""
        return self.stage.after[self._first : self._split]

    @cached_property
    def _from_z(self) -> tuple[Step, ...]:
        """What makes the result of z."""
        return self.stage.after[self._split :]

    @property
    def _first(self) -> int:
        return 0 if self._bias is None else 1

    @property
    def _split(self) -> int:
        at = self.stage.activation
        return len(self.stage.after) if at is None else at

    def _apply(self, steps: Sequence[Step], run: Run, record: StageRecord | None, x: Any) -> Any:
        key, views = run.random, run.parameters.views
        for step in steps:
            call = Call(
                self.xp,
                parameters={own: views[name] for own, name in step.parameters},
                state={own: run.state[name] for own, name in step.state},
                sources=tuple([run.results[source] for source in step.sources]),
                training=run.training,
                random=key and RandomKey(key.seed, key.step, step.position, key.row),
                saved=None if record is None else {},
            )
            x = self._in_dtype(run, self.arithmetic.apply(step.operation, call, x))
            if record is not None:
                record.calls[step.position] = call
        return x

    def _differentiate(self, steps: Sequence[Step], run: Run, record: StageRecord, dy: Any) -> Any:
        for step in reversed(steps):
            made = record.calls[step.position]
            call = Call(
                made.xp,
                made.parameters,
                {own: run.gradients[name] for own, name in step.parameters},
                made.state,
                made.sources,
                training=made.training,
                random=made.random,
                saved=made.saved,
            )
            dy = self._in_dtype(run, self.arithmetic.differentiate(step.operation, call, dy))
            for source, gradient in zip(step.sources, call.source_gradients, strict=True):
                known = run.result_gradients.get(source)
                run.result_gradients[source] = gradient if known is None else known + gradient
        return dy

    def _in_dtype(self, run: Run, x: Any) -> Any:
        """Return `x` in the dtype of the model, which an operation of a user's own may have left.

        An engine that runs the next stage reads memory as that dtype, whatever lies there.
        """
        dtype = run.parameters.flat.dtype
        return x if x.dtype == dtype else self.xp.astype(x, dtype)
