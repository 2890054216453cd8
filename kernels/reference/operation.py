"""An operation of a stage: a frozen description with its forward and backward mathematics.

A new kind of layer is one new file in ``operations/`` that subclasses `Operation`.  The arrays
reach it through a `Call`, so the same code runs on every namespace, and a fused engine may
recognise the class and compute the same thing in another way.
"""

import enum
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, NamedTuple

from .typing import Array, Namespace


class Scope(enum.Enum):
    """How much of a batch an operation must see at once: the bound of fusing around it."""

    TILE = "tile"
    """Each element alone: may be applied while a tile of the result is still in registers."""
    ROW = "row"
    """A whole row, as softmax or layer normalisation: needs every column of a row."""
    BATCH = "batch"
    """The whole batch, as batch normalisation in training: all rows wait there."""


class RandomKey(NamedTuple):
    """Where in the stream of random numbers a call stands: it fixes what the call draws.

    Attributes
    ----------
    seed : int
        The seed of the training run.
    step : int
        The number of the training step.
    layer : int
        The index of the operation in its program.
    row : int
        The number of the first row of `x` within the step's batch.
    """

    seed: int
    step: int
    layer: int = 0
    row: int = 0


@dataclass(eq=False)
class Call:
    """Everything that one application of an operation reads and writes besides its input.

    Attributes
    ----------
    xp : Namespace
        The array namespace.
    parameters : mapping of str to Array
        The operation's own parameters by name; never written by an operation.
    gradients : mapping of str to Array
        Where `Operation.backward` writes the gradient of each parameter (all of it, no adding).
    state : mapping of str to Array
        What the operation keeps besides parameters (running statistics); written in training only.
    sources : tuple of Array
        The outputs of the earlier stages that `Operation.sources` names, in that order.
    source_gradients : list of Array
        What `backward` adds to the gradients of those outputs, in the same order.
    training : bool
        Whether the call belongs to a training step (dropout drops, batch statistics are used).
    random : RandomKey or None
        The place in the random stream; None outside training.
    saved : dict
        What `forward` leaves for `backward`; None when nothing will be differentiated.
    """

    xp: Namespace
    parameters: Mapping[str, Array] = field(default_factory=dict)
    gradients: Mapping[str, Array] = field(default_factory=dict)
    state: Mapping[str, Array] = field(default_factory=dict)
    sources: tuple[Array, ...] = ()
    source_gradients: list[Array] = field(default_factory=list)
    training: bool = False
    random: RandomKey | None = None
    saved: dict[str, Array] | None = None

    def save(self, **arrays: Array) -> None:
        """Keep `arrays` for `backward`, or nothing when nothing will be differentiated."""
        if self.saved is not None:
            self.saved.update(arrays)

    def recall(self, name: str) -> Array:
        """Return the array that `forward` saved under `name`."""
        if self.saved is None:
            raise RuntimeError(f"{name!r} was not kept: forward ran without a record")
        return self.saved[name]

    def drawing(self) -> dict[str, int]:
        """Return which random words the call draws, as `philox.random_words` takes it.

        Seeds count modulo 2⁶⁴ and steps modulo 2³², the sizes of their words.

        Raises
        ------
        RuntimeError
            If the call has no place in the random stream.
        """
        key = self.random
        if key is None:
            raise RuntimeError("an operation that draws random numbers needs a RandomKey")
        return {
            "seed": key.seed % 2**64,
            "step": key.step % 2**32,
            "layer": key.layer,
            "first_row": key.row,
        }


class ParameterShape(NamedTuple):
    """Name, shape and role of an array that an operation owns.

    Attributes
    ----------
    name : str
        Its name within the operation, such as ``"bias"``.
    shape : tuple of int
        Its shape.
    fill : float
        The value that every element starts from.
    decays : bool
        Whether the L2 penalty counts it.  True of weights, False of biases and normalisation
        parameters.
    """

    name: str
    shape: tuple[int, ...]
    fill: float = 0.0
    decays: bool = False


class Operation(ABC):
    """One step of a stage around its matrix product; subclasses are frozen dataclasses."""

    kind: ClassVar[str]
    """The name under which a saved network refers to the class."""

    @abstractmethod
    def scope(self, training: bool) -> Scope:
        """Return what the operation must see at once, in a training step or in prediction."""

    def out_features(self, in_features: int) -> int:
        """Return the width of the result; raise ValueError if `in_features` does not fit."""
        return in_features

    def parameters(self, in_features: int) -> tuple[ParameterShape, ...]:  # noqa: ARG002
        """Return the trainable arrays that the operation owns for this width of its input."""
        return ()

    def state(self, in_features: int) -> tuple[ParameterShape, ...]:  # noqa: ARG002
        """Return the arrays that the operation keeps and training does not differentiate."""
        return ()

    def sources(self, stage: int) -> tuple[int, ...]:  # noqa: ARG002
        """Return the earlier stages whose results the operation reads from stage `stage`."""
        return ()

    def check_sources(self, in_features: int, widths: Sequence[int]) -> None:  # noqa: B027
        """Raise ValueError if results of these `widths`, one for each source, do not fit x."""

    def least_rows(self, training: bool) -> int:  # noqa: ARG002
        """Return how many rows a batch must have for the operation to make sense."""
        return 0

    @property
    def predicts_identity(self) -> bool:
        """Whether the operation returns x itself wherever it is not trained."""
        return False

    def kept(self, rows: int, in_features: int, training: bool) -> int:  # noqa: ARG002
        """Return how many numbers `forward` saves for `backward`, besides x and y."""
        return 0

    def flops(self, training: bool) -> int:  # noqa: ARG002
        """Return the floating-point operations for each element of x, or 0 for what is not counted.

        They are those of the formulas, forward, or forward and backward in a training step; where
        an engine folds or fuses the operation it takes fewer.
        """
        return 0

    @abstractmethod
    def forward(self, call: Call, x: Array) -> Array:
        """Return the result for `x`, shape (rows, in_features); save what `backward` needs."""

    @abstractmethod
    def backward(self, call: Call, dy: Array) -> Array:
        """Return dx for the gradient `dy` of the result; write the parameters' gradients."""

    def __str__(self) -> str:
        return self.kind

    def config(self) -> dict[str, Any]:
        """Return the operation as plain values for JSON; ``from_config`` is its inverse."""
        return {"kind": self.kind} | {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Operation":
        """Return the operation that `config` describes."""
        return cls(**{key: value for key, value in config.items() if key != "kind"})
