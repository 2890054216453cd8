"""The program of prediction: without what acts in training alone, and folded where it can be."""

from dataclasses import replace
from typing import NamedTuple

from mlpcore.backends.base import Backend, Binding
from mlpcore.kernels.reference.operations import BatchNorm
from mlpcore.lazy_imports import importing
from mlpcore.program import Program, Step


class Prediction(NamedTuple):
    """What prediction computes of a program, and with which arrays.

    Attributes
    ----------
    program : Program
        The program without what acts in training alone, and with foldable norms in its products.
    binding : Binding
        The arrays of that program.
    folded : bool
        Whether they are others than those of the whole program.
    """

    program: Program
    binding: Binding
    folded: bool


def prediction(program: Program, binding: Binding, backend: Backend) -> Prediction:
    """Return what predicts as `program` does with the arrays of `binding`."""
    acting = without_noise(program)
    if not any(type(step.operation) is BatchNorm for s in acting.stages for step in s.steps):
        return Prediction(acting, binding, folded=False)
    with importing():
        from mlpcore.backends.folded_arrays import FoldedParameters
        from mlpcore.backends.folding import fold
    folding = fold(acting)
    if folding is None:
        return Prediction(acting, binding, folded=False)
    arrays = FoldedParameters(folding, binding.parameters, binding.state, backend)
    of_arrays = binding._replace(parameters=arrays, state=arrays.state)
    return Prediction(folding.program, of_arrays, folded=True)


def without_noise(program: Program) -> Program:
    """Return `program` without the steps that do nothing outside training; itself if none does."""

    def acting(steps: tuple[Step, ...]) -> tuple[Step, ...]:
        return tuple(step for step in steps if not _is_noise(step))

    stages = tuple(
        replace(stage, before=acting(stage.before), after=acting(stage.after))
        for stage in program.stages
    )
    return program if stages == program.stages else replace(program, stages=stages)


def _is_noise(step: Step) -> bool:
    return step.operation.predicts_identity and not (step.parameters or step.state)
