"""Which stages of a program the kernels of a device can fuse, and what each of them is to them."""

from typing import NamedTuple

from mlpcore.kernels.reference.operation import Operation
from mlpcore.kernels.reference.operations import Activation, Bias, Standardize
from mlpcore.program import Program, Stage


class FusedStage(NamedTuple):
    """A matrix product, the bias after it and the activation after that.

    Attributes
    ----------
    weight : str
        The name of the weight, shape (out, in).
    bias : str or None
        The name of the bias.
    activation : Activation or None
        What follows.
    in_features, out_features : int
        The shape of the product.
    """

    weight: str
    bias: str | None
    activation: Activation | None
    in_features: int
    out_features: int


class FusedStages(NamedTuple):
    """Consecutive stages that the kernels run as one network.

    Attributes
    ----------
    start : int
        The number of the first stage.
    stages : tuple of FusedStage
        The stages.
    standardize : tuple of (str, str) or None
        The names of the mean and the scale that standardise the input.
    """

    start: int
    stages: tuple[FusedStage, ...]
    standardize: tuple[str, str] | None = None


def fused_stages(program: Program, start: int) -> FusedStages | None:
    """Return the longest run of stages from `start` on that the kernels compute, or None."""
    found: list[FusedStage] = []
    standardize = _standardization(program.stages[start])
    if program.stages[start].before and standardize is None:
        return None
    for stage in program.stages[start:]:
        if found and (stage.before or stage.index - 1 in program.kept):
            break
        fused = _fused(stage)
        if fused is None:
            break
        found.append(fused)
    return FusedStages(start, tuple(found), standardize) if found else None


def not_fused(program: Program) -> tuple[str, ...]:
    """Return the operations of a program that the kernels compute in no such run, each once."""
    found: list[Operation] = []
    for stage in program.stages:
        before = () if _standardization(stage) is not None else stage.before
        found += [step.operation for step in (*before, *stage.after)]
    others = (one for one in found if type(one) is not Bias and not _is_known(one))
    return tuple(dict.fromkeys(map(str, others)))


def _standardization(stage: Stage) -> tuple[str, str] | None:
    if len(stage.before) != 1 or type(stage.before[0].operation) is not Standardize:
        return None
    names = dict(stage.before[0].state)
    return names["mean"], names["scale"]


def _fused(stage: Stage) -> FusedStage | None:
    if stage.weight is None:
        return None
    steps = list(stage.after)
    bias = activation = None
    if steps and type(steps[0].operation) is Bias:
        bias = dict(steps.pop(0).parameters)["bias"]
    if steps and _is_known(steps[0].operation):
        operation = steps.pop(0).operation
        assert isinstance(operation, Activation)  # by _is_known
        activation = operation
    if steps:
        return None
    return FusedStage(stage.weight, bias, activation, stage.in_features, stage.out_features)


def _is_known(operation: Operation) -> bool:
    return type(operation) is Activation and operation.custom is None
