"""Which bytes a network takes: parameters, and activations in prediction and in training."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from mlpcore.backends.base import Mode, Plan
from mlpcore.backends.bound import BoundProgram
from mlpcore.kernels.reference.operation import Scope
from mlpcore.kernels.reference.operations import Activation
from mlpcore.nn.losses import loss
from mlpcore.program import Program, Stage, Step

if TYPE_CHECKING:
    from mlpcore.optim import Optimizer


@dataclass(frozen=True)
class Memory:
    """The bytes of one network, batch size, dtype and optimizer.

    Attributes
    ----------
    parameters : int
        What training changes.
    parameter_buffer : int
        The buffer that holds them, with the holes that align each array to 64 bytes.
    state : int
        What is kept besides and not differentiated, such as the mean and scale of a
        standardisation.
    input, output : int
        x and the logits, for the whole batch; in prediction they belong to the caller.
    prediction_rows : int
        How many rows prediction carries through the network at once.
    prediction_activations : int
        What prediction holds for so many rows: input and result of the layer where they are
        largest together, and earlier results that are read again.  z and a count once, and what a
        single operation needs while it runs is not counted.
    training_activations : int
        What the forward pass keeps for the backward pass: the input of the network, and x, z and a
        of each layer, where an array that serves twice counts once, and what normalisations save.
        What operations of a user's own save for themselves counts if they say how much it is,
        and the mask of a dropout where it is kept: on a CPU, as a byte for each element.  This is
        what steps keep that go layer by layer; where an engine fuses layers it may be less.
    gradient : int
        The buffer of the gradient, as large as that of the parameters; 0 where the steps of the
        optimizer that was named apply each part of the gradient as soon as it is whole, and keep
        none.
    optimizer : int or None
        The vectors that the optimizer keeps between steps; None if none was named.
    """

    parameters: int
    parameter_buffer: int
    state: int
    input: int
    output: int
    prediction_rows: int
    prediction_activations: int
    training_activations: int
    gradient: int
    optimizer: int | None

    @property
    def training(self) -> int:
        """All that a training step holds at once, up to what single operations need in passing."""
        kept = self.parameter_buffer + self.state + self.gradient + self.training_activations
        return kept + (self.optimizer or 0)

    def as_dict(self) -> dict[str, int | None]:
        """Return the bytes by name, with ``training`` for their sum in training."""
        return asdict(self) | {"training": self.training}


def memory(bound: BoundProgram, rows: int, optimizer: "Optimizer | None" = None) -> Memory:
    """Return the bytes that `bound` takes with batches of `rows` rows.

    Parameters
    ----------
    bound : BoundProgram
        The network.
    rows : int
        The batch size.
    optimizer : Optimizer, optional
        What takes the training steps, on one of the library's losses.  Without it, a gradient
        counts, as `MLP.backward` returns it.
    """
    program, layout, itemsize = bound.program, bound.parameters.layout, bound.dtype.itemsize
    at_once = min(rows, _chunk(bound) or rows)
    buffer = layout.length * itemsize
    x = rows * program.in_features * itemsize
    return Memory(
        parameters=layout.count * itemsize,
        parameter_buffer=buffer,
        state=bound.state.layout.count * itemsize,
        input=x,
        output=rows * program.out_features * itemsize,
        prediction_rows=at_once,
        prediction_activations=at_once * _widest(program) * itemsize,
        training_activations=x + sum(recorded_bytes(bound, rows)),
        gradient=buffer if _keeps_gradient(bound, optimizer) else 0,
        optimizer=None if optimizer is None else len(optimizer.state_names) * buffer,
    )


def recorded_bytes(bound: BoundProgram, rows: int) -> tuple[int, ...]:
    """Return what the record of each stage holds for a batch, its input not counted.

    The input is the result of the stage before, which counts it, or the network's own.
    """
    plan, itemsize = bound.plan(Mode.TRAINING), bound.dtype.itemsize
    shapes = {parameter.name: parameter.shape for parameter in bound.program.parameters}
    found = []
    width = bound.program.in_features
    for stage in bound.program.stages:
        product = None if stage.weight is None else shapes[stage.weight][0]
        found.append(_recorded(stage, width, product, plan, rows, itemsize))
        width = stage.out_features
    return tuple(found)


def _recorded(
    stage: Stage, width: int, product: int | None, plan: Plan, rows: int, itemsize: int
) -> int:
    arrays = [width]  # the width of every array of the stage, in the order in which they arise
    kept: set[int] = set()  # the places in `arrays` of those that the record holds
    others = 0

    def apply(steps: tuple[Step, ...]) -> None:
        nonlocal others
        for step in steps:
            saved = plan.saved(step.operation, rows, arrays[-1], itemsize)
            others += saved.num_bytes
            if saved.own_input:
                keep()
            arrays.append(step.operation.out_features(arrays[-1]))
            if isinstance(step.operation, Activation):
                kept.update((len(arrays) - 2, len(arrays) - 1))

    def keep() -> None:
        kept.add(len(arrays) - 1)

    apply(stage.before)
    keep()  # x
    if product is not None:
        arrays.append(product)
    z = len(stage.after) if stage.activation is None else stage.activation
    apply(stage.after[:z])
    keep()  # z
    apply(stage.after[z:])
    keep()  # a
    return others + rows * itemsize * sum(arrays[place] for place in kept - {0})


def _keeps_gradient(bound: BoundProgram, optimizer: "Optimizer | None") -> bool:
    """Return whether training writes the gradient to a buffer of its own."""
    if optimizer is None:
        return True
    rule = bound.step_rule(loss("mse"), optimizer, 0.0)
    return rule is None or rule.keeps_gradient


def _chunk(bound: BoundProgram) -> int | None:
    """Return how many rows prediction carries at once, or None for the whole batch."""
    if bound.program.scope(training=False) is Scope.BATCH:
        return None
    return bound.plan(Mode.INFERENCE).chunk


def _widest(program: Program) -> int:
    """Return the numbers a row that are alive at once where they are most."""
    most = 0
    for stage in program.stages:
        earlier = [i for i in program.kept if i < stage.index - 1]
        again = sum(program.stages[i].out_features for i in earlier)
        most = max(most, stage.in_features + stage.out_features + again)
    return most
