r"""Batch normalisations of a program inside its products, for prediction.

In prediction a batch normalisation is an affine map of each column with fixed numbers,

.. math::
    y = s \cdot x + t, \quad s = \frac{scale}{\sqrt{r_{\sigma^2} + \varepsilon}}, \quad
    t = shift - r_\mu \cdot s

so behind a product it becomes part of weight and bias, and behind an activation part of those of
the next product (B. Jacob et al., arXiv:1712.05877, section 3.2, for the first):

.. math::
    s \cdot (W x + b) + t = \operatorname{diag}(s) W\, x + (s \cdot b + t), \qquad
    W (s \cdot x + t) + b = W \operatorname{diag}(s)\, x + (W t + b)

Before the first product it becomes a `Standardize` with :math:`r_\mu` and s, whose shift alone goes
into the bias: raw numbers far from zero must lose their mean before they are multiplied.
"""

from dataclasses import dataclass, replace
from typing import Any

from mlpcore.kernels.reference.operations import BatchNorm, Bias, Standardize
from mlpcore.program import Parameter, Program, Stage, Step


@dataclass(frozen=True)
class Norm:
    """The names of the arrays of one batch normalisation, and its ε."""

    scale: str
    shift: str
    mean: str
    variance: str
    eps: float


@dataclass(frozen=True)
class Standardization:
    """What standardises the input in place of a normalisation: the names of mean and scale."""

    norm: Norm
    mean: str
    scale: str


@dataclass(frozen=True)
class FoldedStage:
    """What the product of one stage takes in.

    Attributes
    ----------
    weight : str
        The name of W in both programs.
    bias : str
        The name of the bias in the folded program.
    own_bias : bool
        Whether the program has that bias too.
    standardized : Standardization or None
        What standardises the input; the shift of its normalisation goes into the bias.
    before, after : tuple of Norm
        What is applied to the product's input and to its result, in that order.
    """

    weight: str
    bias: str
    own_bias: bool
    standardized: Standardization | None
    before: tuple[Norm, ...]
    after: tuple[Norm, ...]


@dataclass(frozen=True)
class Folding:
    """A program with fewer steps, and how its arrays come from those of the whole one.

    Attributes
    ----------
    program : Program
        What to compute; arrays that it shares with the whole program have the same names.
    stages : tuple of FoldedStage
        The products that took something in.
    """

    program: Program
    stages: tuple[FoldedStage, ...]


def fold(program: Program) -> Folding | None:
    """Return `program` with its batch normalisations inside products, or None if none can be.

    Those are left as they are which no product follows and none precedes, whose result is read
    again, and which share the way to the first product with other operations.
    """
    folding = _Folding(program)
    stages = tuple(folding.stage(index) for index in range(len(program.stages)))
    if not folding.folded:
        return None
    gone = folding.gone
    return Folding(
        replace(
            program,
            stages=stages,
            parameters=(*(p for p in program.parameters if p.name not in gone), *folding.biases),
            state=(*(p for p in program.state if p.name not in gone), *folding.statistics),
        ),
        tuple(folding.folded),
    )


class _Folding:
    """What has been found while the stages are read from the first to the last."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.folded: list[FoldedStage] = []
        self.gone: set[str] = set()
        self.biases: list[Parameter] = []
        self.statistics: list[Parameter] = []
        self._taken = {array.name for array in (*program.parameters, *program.state)}
        self._pending: list[Step] = []  # what the stage before left to this one

    def stage(self, index: int) -> Stage:
        """Return the stage as it is to be computed."""
        stage = self.program.stages[index]
        before, self._pending = self._pending, []
        first: tuple[Step, ...] = ()
        standardized = None
        if stage.weight is not None and _is_one_norm(stage.before):
            first = stage.before
            standardized = self._standardization(first[0], stage)
            names = ("mean", standardized.mean), ("scale", standardized.scale)
            stage = replace(stage, before=(Step(Standardize(), first[0].position, state=names),))
        bias, rest = _bias_and_rest(stage)
        after = _norms_at_the_front(rest) if stage.weight is not None else []
        rest = rest[len(after) :]
        if self._product_follows(index):
            self._pending = _norms_at_the_end(rest)
            rest = rest[: len(rest) - len(self._pending)]
        steps = [*first, *before, *after]
        if steps and stage.weight is not None:
            own_bias = bias is not None
            bias = bias or self._new_bias(stage, steps[-1].position)
            self.folded.append(
                FoldedStage(
                    stage.weight,
                    dict(bias.parameters)["bias"],
                    own_bias,
                    standardized,
                    tuple(map(_norm, before)),
                    tuple(map(_norm, after)),
                )
            )
            self.gone.update(name for step in steps for _, name in (*step.parameters, *step.state))
        return replace(stage, after=(*([] if bias is None else [bias]), *rest))

    def _product_follows(self, index: int) -> bool:
        """Return whether the result of a stage goes into the next product and nowhere else."""
        following = self.program.stages[index + 1 : index + 2]
        fits = [stage.weight is not None and not stage.before for stage in following]
        return fits == [True] and index not in self.program.kept

    def _standardization(self, step: Step, stage: Stage) -> Standardization:
        names = [self._fresh(f"layers.{stage.index}.folded_{own}") for own in ("mean", "scale")]
        self.statistics += [Parameter(name, (stage.in_features,)) for name in names]
        return Standardization(_norm(step), *names)

    def _new_bias(self, stage: Stage, position: int) -> Step:
        name = self._fresh(f"layers.{stage.index}.folded_bias")
        shapes = {parameter.name: parameter.shape for parameter in self.program.parameters}
        assert stage.weight is not None  # by who asks
        self.biases.append(Parameter(name, shapes[stage.weight][:1]))
        return Step(Bias(), position, parameters=(("bias", name),))

    def _fresh(self, name: str) -> str:
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name


def _bias_and_rest(stage: Stage) -> tuple[Step | None, tuple[Step, ...]]:
    if stage.weight is not None and stage.after and type(stage.after[0].operation) is Bias:
        return stage.after[0], stage.after[1:]
    return None, stage.after


def _norms_at_the_front(steps: tuple[Step, ...]) -> list[Step]:
    found: list[Step] = []
    for step in steps:
        if type(step.operation) is not BatchNorm:
            break
        found.append(step)
    return found


def _norms_at_the_end(steps: tuple[Step, ...]) -> list[Step]:
    return _norms_at_the_front(steps[::-1])[::-1]


def _is_one_norm(steps: tuple[Step, ...]) -> bool:
    return len(steps) == 1 and type(steps[0].operation) is BatchNorm


def _norm(step: Step) -> Norm:
    operation: Any = step.operation
    parameters, state = dict(step.parameters), dict(step.state)
    return Norm(
        parameters["norm_scale"],
        parameters["norm_shift"],
        state["running_mean"],
        state["running_variance"],
        operation.eps,
    )
