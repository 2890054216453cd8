"""Which stages of a program the kernels of a device can fuse, and what each of them is to them."""

from collections.abc import Callable
from typing import NamedTuple, cast

from mlpcore.kernels.reference.operation import Operation, Scope
from mlpcore.kernels.reference.operations import (
    Activation,
    BatchNorm,
    Bias,
    Dropout,
    GaussianNoise,
    LayerNorm,
    Standardize,
)
from mlpcore.kernels.reference.philox import WORD, threshold
from mlpcore.program import Program, Stage, Step


class FusedStage(NamedTuple):
    """A matrix product, the bias after it, a normalisation, the activation, and dropout.

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
    norm, dropout : Step or None
        What a training step does before and behind the activation.
    """

    weight: str
    bias: str | None
    activation: Activation | None
    in_features: int
    out_features: int
    norm: Step | None = None
    dropout: Step | None = None

    @property
    def waits(self) -> bool:
        """Whether the normalisation of a row needs all others."""
        return self.norm is not None and self.norm.operation.scope(training=True) is Scope.BATCH


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
    entering : tuple of Step
        The noise and dropout that a training step lets come upon the input after that.
    """

    start: int
    stages: tuple[FusedStage, ...]
    standardize: tuple[str, str] | None = None
    entering: tuple[Step, ...] = ()

    @property
    def trains(self) -> bool:
        """Whether a training step does something that prediction does otherwise."""
        norms = any(stage.norm is not None for stage in self.stages)
        return norms or self.drops or bool(self.entering)

    @property
    def drops(self) -> bool:
        """Whether such a step drops results of the stages."""
        return any(stage.dropout is not None for stage in self.stages)


def fused_stages(program: Program, start: int, *, training: bool = False) -> FusedStages | None:
    """Return the longest run of stages from `start` on that the kernels compute, or None.

    With `training` they know what normalisations, noise and dropout do in a training step.
    """
    found: list[FusedStage] = []
    before = program.stages[start].before
    standardize = _standardization(before)
    entering = before if standardize is None else before[1:]
    if entering and not (training and all(_is_noise(step.operation) for step in entering)):
        return None
    for stage in program.stages[start:]:
        if found and (stage.before or stage.index - 1 in program.kept):
            break
        fused = _fused(stage, training=training)
        if fused is None:
            break
        found.append(fused)
    return FusedStages(start, tuple(found), standardize, entering) if found else None


def not_fused(program: Program) -> tuple[str, ...]:
    """Return the operations of a program that the kernels compute in no such run, each once."""
    found: list[Operation] = []
    for stage in program.stages:
        before = stage.before if _standardization(stage.before) is None else stage.before[1:]
        found += [step.operation for step in (*before, *stage.after)]
    others = (one for one in found if type(one) is not Bias and not _is_known(one))
    return tuple(dict.fromkeys(map(str, others)))


def _standardization(before: tuple[Step, ...]) -> tuple[str, str] | None:
    if not before or type(before[0].operation) is not Standardize:
        return None
    names = dict(before[0].state)
    return names["mean"], names["scale"]


def _is_noise(operation: Operation) -> bool:
    return type(operation) in (Dropout, GaussianNoise)


def _fused(stage: Stage, *, training: bool) -> FusedStage | None:
    if stage.weight is None:
        return None
    steps = list(stage.after)

    def take(fits: Callable[[Operation], bool]) -> Step | None:
        return steps.pop(0) if steps and fits(steps[0].operation) else None

    bias = take(lambda operation: type(operation) is Bias)
    norm = take(lambda operation: training and type(operation) in (BatchNorm, LayerNorm))
    activation = take(_is_known)
    dropout = take(lambda operation: training and _drops(operation))
    if steps:
        return None
    return FusedStage(
        stage.weight,
        None if bias is None else dict(bias.parameters)["bias"],
        None if activation is None else cast(Activation, activation.operation),
        stage.in_features,
        stage.out_features,
        norm,
        dropout,
    )


def _drops(operation: Operation) -> bool:
    """Return whether the kernels draw what it drops: no word is as large as a threshold may be."""
    return type(operation) is Dropout and threshold(operation.rate) <= WORD


def _is_known(operation: Operation) -> bool:
    return type(operation) is Activation and operation.custom is None
