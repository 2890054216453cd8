"""A network lowered to a program: a tuple of stages that a backend turns into a plan.

A stage is an optional matrix product with the operations before and after it.  Lowering only groups
and names: every `Dense` opens a stage, the operations that follow belong to it, and whatever comes
before the first `Dense` is applied before its product.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from mlpcore.cached import cached_property
from mlpcore.kernels.reference.operation import Operation, ParameterShape, Scope
from mlpcore.kernels.reference.operations import Activation, Bias
from mlpcore.network import Dense, Network


class Parameter(NamedTuple):
    """A named array of the program.

    Attributes
    ----------
    name : str
        Its name in the whole model, such as ``"layers.0.weight"``.
    shape : tuple of int
        Its shape; a weight is (out, in).
    decays : bool
        Whether the L2 penalty counts it.
    fill : float
        The value that it starts from when no initialiser is named.
    initializer : str, callable or None
        The initialiser of a weight.
    activation : Activation or None
        The activation after a weight, which chooses its initialiser.
    """

    name: str
    shape: tuple[int, ...]
    decays: bool = False
    fill: float = 0.0
    initializer: str | Callable[..., Any] | None = None
    activation: Activation | None = None


class Step(NamedTuple):
    """An operation at its place in the program.

    Attributes
    ----------
    operation : Operation
        What is applied.
    position : int
        Its number among all operations of the program, which the random stream counts by.
    parameters, state : tuple of (str, str)
        The operation's own name of each array, and the array's name in the whole model.
    sources : tuple of int
        The earlier stages whose results it reads.
    """

    operation: Operation
    position: int
    parameters: tuple[tuple[str, str], ...] = ()
    state: tuple[tuple[str, str], ...] = ()
    sources: tuple[int, ...] = ()


@dataclass(frozen=True)
class Stage:
    """An optional matrix product with what is applied before and after it.

    Attributes
    ----------
    index : int
        Its number in the program.
    in_features, out_features : int
        The widths of its input and its result.
    weight : str or None
        The name of the product's weight, or None where the stage has no product.
    before, after : tuple of Step
        The operations around the product.
    """

    index: int
    in_features: int
    out_features: int
    weight: str | None
    before: tuple[Step, ...]
    after: tuple[Step, ...]

    @cached_property
    def activation(self) -> int | None:
        """The place in `after` of the last activation; what enters it is z."""
        places = [i for i, s in enumerate(self.after) if isinstance(s.operation, Activation)]
        return places[-1] if places else None

    @property
    def steps(self) -> tuple[Step, ...]:
        """The operations around the product, in the order in which they run."""
        return (*self.before, *self.after)

    def scope(self, training: bool) -> Scope:
        """Return the widest scope among the operations of the stage."""
        order = list(Scope)
        scopes = [step.operation.scope(training) for step in self.steps]
        return max(scopes, key=order.index, default=Scope.TILE)


@dataclass(frozen=True)
class Program:
    """The stages of a network with the arrays that they need.

    Attributes
    ----------
    stages : tuple of Stage
        In the order in which they run.
    parameters : tuple of Parameter
        What training changes.
    state : tuple of Parameter
        What is kept besides and not differentiated.
    in_features, out_features : int
        The widths of the input and of the logits.
    """

    stages: tuple[Stage, ...]
    parameters: tuple[Parameter, ...]
    state: tuple[Parameter, ...]
    in_features: int
    out_features: int

    def scope(self, training: bool) -> Scope:
        """Return the widest scope in the program; anything but batch may run in chunks of rows."""
        return max((s.scope(training) for s in self.stages), key=list(Scope).index)

    def least_rows(self, training: bool) -> int:
        """Return how many rows a batch must have, in a training step or in prediction."""
        steps = (step for stage in self.stages for step in stage.steps)
        return max((step.operation.least_rows(training) for step in steps), default=0)

    @cached_property
    def kept(self) -> frozenset[int]:
        """The stages whose results a later operation reads again."""
        steps = (step for stage in self.stages for step in stage.steps)
        return frozenset(source for step in steps for source in step.sources)


def lower(network: Network) -> Program:
    """Return the program of `network`.

    Raises
    ------
    ValueError
        If an operation reads a stage that does not come before it, or two of its stage own arrays
        of one name.
    """
    return _Lowering().run(network)


class _Lowering:
    """The names and counts that grow while a network is read from its input to its output."""

    def __init__(self) -> None:
        self.parameters: list[Parameter] = []
        self.state: list[Parameter] = []
        self.names: set[str] = set()
        self.position = 0

    def run(self, network: Network) -> Program:
        stages: list[Stage] = []
        for index, (before, dense, after) in enumerate(_group(network)):
            width = dense.in_features
            prefix = f"layers.{index}"
            steps_before = []
            for operation in before:
                steps_before.append(self.place(operation, width, index, prefix))
                width = operation.out_features(width)
            weight = self._name(prefix, "weight")
            activation = next((op for op in after if isinstance(op, Activation)), None)
            if activation is None and index == len(network.dense) - 1:
                activation = network.output
            self.parameters.append(
                Parameter(
                    weight,
                    (dense.out_features, dense.in_features),
                    decays=True,
                    initializer=dense.initializer,
                    activation=activation,
                )
            )
            width = dense.out_features
            steps_after = []
            for operation in (Bias(), *after) if dense.bias else after:
                steps_after.append(self.place(operation, width, index, prefix))
                width = operation.out_features(width)
            stages.append(
                Stage(
                    index, dense.in_features, width, weight, tuple(steps_before), tuple(steps_after)
                )
            )
        return Program(
            tuple(stages),
            tuple(self.parameters),
            tuple(self.state),
            network.in_features,
            stages[-1].out_features,
        )

    def place(self, operation: Operation, width: int, stage: int, prefix: str) -> Step:
        sources = operation.sources(stage)
        if any(not 0 <= source < stage for source in sources):
            raise ValueError(
                f"{operation.kind!r} in layer {stage} reads layer {min(sources)}, "
                "which does not come before it"
            )
        parameters, state = operation.parameters(width), operation.state(width)
        suffix = self._suffix(prefix, (*parameters, *state))
        step = Step(
            operation,
            self.position,
            self._declare(parameters, self.parameters, prefix, suffix),
            self._declare(state, self.state, prefix, suffix),
            sources,
        )
        self.position += 1
        return step

    def _suffix(self, prefix: str, shapes: tuple[ParameterShape, ...]) -> str:
        """Return what tells the arrays of an operation from those of another in its stage.

        Nothing for the first, ``_2`` for the next; but weight and bias are those of the product.
        """
        if any(own.name in ("weight", "bias") for own in shapes):
            return ""
        suffix, number = "", 1
        while any(f"{prefix}.{own.name}{suffix}" in self.names for own in shapes):
            number += 1
            suffix = f"_{number}"
        return suffix

    def _declare(
        self,
        shapes: tuple[ParameterShape, ...],
        into: list[Parameter],
        prefix: str,
        suffix: str,
    ) -> tuple[tuple[str, str], ...]:
        names = []
        for own in shapes:
            name = self._name(prefix, own.name + suffix)
            into.append(Parameter(name, own.shape, own.decays, own.fill))
            names.append((own.name, name))
        return tuple(names)

    def _name(self, prefix: str, own: str) -> str:
        name = f"{prefix}.{own}"
        if name in self.names:
            raise ValueError(f"two operations of one layer own an array named {name!r}")
        self.names.add(name)
        return name


def _group(network: Network) -> list[tuple[list[Operation], Dense, list[Operation]]]:
    """Split the layers at each dense one: what comes before it, itself, what comes after."""
    groups: list[tuple[list[Operation], Dense, list[Operation]]] = []
    leading: list[Operation] = []
    add: Callable[[Operation], None] = leading.append
    for layer in network.layers:
        if isinstance(layer, Dense):
            groups.append((leading, layer, []))
            leading = []
            add = groups[-1][2].append
        else:
            add(layer)
    return groups
