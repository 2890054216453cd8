"""Running statistics taken anew from data, for the parameters as they are."""

from dataclasses import replace

from mlpcore.backends.base import Mode, Run
from mlpcore.backends.bound import BoundProgram
from mlpcore.batch import Batch
from mlpcore.kernels.reference.operations import BatchNorm
from mlpcore.program import Program, Step


def refresh_statistics(bound: BoundProgram, batch: Batch) -> None:
    """Set the statistics of batch normalisation to those of a batch; see the trainer's method.

    The program runs once more as in training, with two changes: its normalisations give the batch
    the weight 1 against what was before, and what leaves predictions as they are, such as dropout,
    is left out.
    """
    program = _for_statistics(bound.program)
    if program is None:
        return
    x, least = batch.rows, program.least_rows(training=True)
    if len(x) < least:
        raise ValueError(f"statistics need {least} rows or more, got {len(x)}")
    plan = bound.backend.compile(program, bound.dtype, Mode.TRAINING)

    taken = _statistics(program)

    def once() -> tuple[int, Run]:
        sequence = bound.sequence
        _, state = bound.state.copied()
        for name in taken:
            state[name][...] = 0  # of NaN, say, even the weight 0 would leave something
        run = Run(bound.parameters, state, bound.state, training=True, settings=bound.settings)
        plan.forward(run, x)
        return sequence, run

    sequence, run = bound.read(once)
    with bound.writing():
        bound.require(sequence)
        for name in taken:
            bound.state.views[name][...] = run.state[name]


def _for_statistics(program: Program) -> Program | None:
    """Return the program that takes statistics, or None if there are none to take."""
    if not _statistics(program):
        return None
    stages = (
        replace(stage, before=_changed(stage.before), after=_changed(stage.after))
        for stage in program.stages
    )
    return replace(program, stages=tuple(stages))


def _changed(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    return tuple(
        step._replace(operation=replace(step.operation, momentum=1.0))
        if isinstance(step.operation, BatchNorm)
        else step
        for step in steps
        if not step.operation.predicts_identity
    )


def _statistics(program: Program) -> frozenset[str]:
    """Return the names of the running statistics."""
    return frozenset(
        name
        for stage in program.stages
        for step in (*stage.before, *stage.after)
        if isinstance(step.operation, BatchNorm)
        for _, name in step.state
    )
