"""Running statistics taken anew from data, for the parameters as they are."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from mlpcore.backends.base import Mode, Run
from mlpcore.backends.bound import BoundProgram
from mlpcore.kernels.reference.operation import Call, Scope
from mlpcore.kernels.reference.operations import BatchNorm
from mlpcore.kernels.reference.typing import Array
from mlpcore.program import Program, Step


def refresh_statistics(
    bound: BoundProgram, x: Any, frozen: Collection[str] = (), *, finite: bool = False
) -> None:
    """Set the statistics of batch normalisation to those of a batch; see the trainer's method.

    The program runs once more as in training, with three changes: its normalisations give the batch
    the weight 1 against what was before, those whose statistics are frozen use them as prediction
    does, and what leaves predictions as they are, such as dropout, is left out.

    Parameters
    ----------
    bound : BoundProgram
        The network; its backend must be active.
    x : array, shape (rows, features)
        The batch, on the device and in the dtype of the network.
    frozen : collection of str
        The names in the state that stay as they are.
    finite : bool, default False
        Whether all statistics stay as they are where one of the batch is NaN or infinite; looking
        waits for a GPU.

    Raises
    ------
    ValueError
        If the batch has too few rows, or another thread changes the parameters meanwhile.
    """
    taken = statistics(bound.program, frozen)
    if not taken:
        return
    least = bound.program.least_rows(training=True)
    if len(x) < least:
        raise ValueError(f"statistics need {least} rows or more, got {len(x)}")
    program = _for_statistics(bound.program, taken)
    plan = bound.backend.compile(program, bound.dtype, Mode.TRAINING)

    def once() -> tuple[int, Run]:
        sequence = bound.sequence
        _, state = bound.state.copied()
        for name in taken:
            state[name][...] = 0  # of NaN, say, even the weight 0 would leave something
        run = Run(bound.parameters, state, bound.state, training=True, settings=bound.settings)
        plan.forward(run, x)
        return sequence, run

    sequence, run = bound.read(once)
    xp = bound.backend.xp
    if finite and not all(bool(xp.isfinite(run.state[name]).all()) for name in taken):
        return
    with bound.writing():
        bound.require(sequence)
        for name in taken:
            bound.state.views[name][...] = run.state[name]


def statistics(program: Program, frozen: Collection[str] = ()) -> frozenset[str]:
    """Return the names of the running statistics that are not frozen."""
    return frozenset(
        name
        for stage in program.stages
        for step in stage.steps
        if isinstance(step.operation, BatchNorm)
        for _, name in step.state
        if name not in frozen
    )


@dataclass(frozen=True)
class _AsPredicted(BatchNorm):
    """Batch normalisation by the running statistics, in training too."""

    def scope(self, training: bool) -> Scope:  # noqa: ARG002
        return super().scope(training=False)

    def forward(self, call: Call, x: Array) -> Array:
        return super().forward(replace(call, training=False), x)


def _for_statistics(program: Program, taken: frozenset[str]) -> Program:
    """Return the program that takes statistics."""
    stages = (
        replace(stage, before=_changed(stage.before, taken), after=_changed(stage.after, taken))
        for stage in program.stages
    )
    return replace(program, stages=tuple(stages))


def _changed(steps: tuple[Step, ...], taken: frozenset[str]) -> tuple[Step, ...]:
    return tuple(_of_batch(step, taken) for step in steps if not step.operation.predicts_identity)


def _of_batch(step: Step, taken: frozenset[str]) -> Step:
    operation = step.operation
    if not isinstance(operation, BatchNorm):
        return step
    if taken.isdisjoint(name for _, name in step.state):
        return step._replace(operation=_AsPredicted(operation.momentum, operation.eps))
    return step._replace(operation=replace(operation, momentum=1.0))
