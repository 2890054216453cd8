"""What a backend must offer, and the parts that a plan is made of.

A backend turns a program into a `Plan` with `Backend.compile`.  A plan is a row of segments, each
of which runs one or more consecutive stages.  Segments come from engines: a backend asks its
engines in turn to `Engine.claim` a run of stages, and whatever none of them claims is interpreted
by the reference, one stage at a time.  So an engine may fuse as much as it likes, and nothing is
ever missing.
"""

import enum
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, NamedTuple, Protocol

from mlpcore.backends.arrays import Kind
from mlpcore.backends.parameters import Exporter, ParameterBuffer
from mlpcore.backends.seqlock import SequenceLock
from mlpcore.backends.spans import Span
from mlpcore.device import Device
from mlpcore.kernels.reference.operation import Call, Operation, RandomKey
from mlpcore.program import Program


class Mode(enum.Enum):
    """What a plan is for."""

    INFERENCE = "inference"
    """Nothing is recorded; long batches run in chunks of rows."""
    GRADIENT = "gradient"
    """The values of prediction, recorded so that they can be differentiated."""
    TRAINING = "training"
    """A training step: dropout drops, batch statistics are used and their running values kept."""


@dataclass(eq=False)
class Settings:
    """What a model asks of the engines that compute it, and what they keep for it.

    Attributes
    ----------
    num_threads : int or None
        How many threads of the CPU a pass uses; None leaves it to `mlpcore.threads`.  It may change
        between calls.
    copies : dict
        What engines make of the parameters, under keys of their own.  It ends with the model.
    """

    num_threads: int | None = None
    copies: dict[Any, Any] = field(default_factory=dict)


class Binding(NamedTuple):
    """The arrays of one model: what a plan, which has none, is bound to.

    Attributes
    ----------
    parameters, state : ParameterBuffer
        What training differentiates, and what is kept besides.
    lock : SequenceLock
        Guards both.
    settings : Settings
        What the model asks for.
    """

    parameters: ParameterBuffer
    state: ParameterBuffer
    lock: SequenceLock
    settings: Settings


@dataclass(eq=False)
class StageRecord:
    """What the forward pass of one stage leaves for its backward pass and for whoever looks inside.

    Attributes
    ----------
    x : array, shape (rows, in_features)
        The input of the matrix product.
    z : array, shape (rows, out_features)
        The pre-activation: what enters the stage's activation, or the result where it has none.
    a : array, shape (rows, out_features)
        The result of the stage.
    calls : mapping of int to Call
        What each operation saved, by its position in the program.
    """

    x: Any = None
    z: Any = None
    a: Any = None
    calls: dict[int, Call] = field(default_factory=dict)


@dataclass(eq=False)
class Run:
    """One pass through a plan: where the segments find arrays and leave what they record.

    Attributes
    ----------
    parameters : ParameterBuffer
        The parameters; read only.
    state : mapping of str to array
        The arrays that are not differentiated; in training copies, to be written by operations.
    state_buffer : ParameterBuffer
        Where those arrays lie outside a step.
    state_copy : array or None
        The flat array that the copies are views of.
    training : bool
        Whether the pass belongs to a training step.
    records : list of StageRecord or None
        One a stage, or None when nothing will be differentiated.
    random : RandomKey or None
        The place in the random stream.
    results : dict of int to array
        The results of stages that later operations read again.
    gradients : mapping of str to array
        Where a backward pass writes the parameters' gradients.
    result_gradients : dict of int to array
        What those later operations add to the gradient of an earlier result.
    need_dx : bool
        Whether the gradient of the first stage's input is wanted.
    dz, da : dict of int to array or None
        The gradients of each stage's pre-activation and result, where they were asked for.
    settings : Settings
        What the model asks for.
    """

    parameters: ParameterBuffer
    state: Mapping[str, Any]
    state_buffer: ParameterBuffer
    state_copy: Any = None
    training: bool = False
    records: list[StageRecord] | None = None
    random: RandomKey | None = None
    results: dict[int, Any] = field(default_factory=dict)
    gradients: Mapping[str, Any] = field(default_factory=dict)
    result_gradients: dict[int, Any] = field(default_factory=dict)
    need_dx: bool = True
    dz: dict[int, Any] | None = None
    da: dict[int, Any] | None = None
    settings: Settings = field(default_factory=Settings)


class Saved(NamedTuple):
    """What an operation leaves for its backward pass, besides what every stage records.

    Attributes
    ----------
    num_bytes : int
        The bytes of arrays that nobody else has.
    own_input : bool
        Whether it keeps its input as well, which may be kept already.
    """

    num_bytes: int = 0
    own_input: bool = False


class StepResult(NamedTuple):
    """What a training step computed before it changed the parameters.

    Attributes
    ----------
    value, loss, penalty : array, shape ()
        The objective J, the data loss L and the penalty s.
    logits : array, shape (rows, out_features)
        What the loss was taken of.
    """

    value: Any
    loss: Any
    penalty: Any
    logits: Any


class DirectPrediction(Protocol):
    """Prediction with nothing between it and the kernels."""

    def __call__(self, x: Any, out: Any = None) -> Any:
        """Return the prediction for `x`, written to `out` unless that is None.

        Either may be anything at all: None is returned where they need more care.
        """

    def rows(self, x: Any, out: Any = None) -> Any:
        """Return the prediction for the array `x`, shape (rows, in_features), of the dtype.

        `out`, shape (rows, out_features), has rows of contiguous numbers and no memory of x.
        """


class FrozenPrediction(DirectPrediction, Protocol):
    """The same with parameters that nobody writes any more."""

    def jit_function(self) -> Any:
        """Return ``predict(x, out)`` for functions that Numba compiles, or None if it does not."""


class StepRule(ABC):
    """Forward, loss, backward and update as one: how an engine that can takes a training step."""

    keeps_gradient = False
    """Whether steps write the whole gradient to a buffer, which the rule keeps."""

    @abstractmethod
    def prepare(self, x: Any, t: Any, sample_weight: Any) -> Any:
        """Return the inputs of the loss for a batch, or None: then the step is taken in parts."""

    @abstractmethod
    def load(self, inputs: Any) -> None:
        """Load what a step with such inputs needs."""

    @abstractmethod
    def record(self, x: Any, seed: int, step: int) -> tuple[Any, list[StageRecord]]:
        """Go forward and return what `finish` needs, and what the pass left in each stage.

        Nothing that others see is changed.  What the pass draws is that of `seed` in step number
        `step`, which is counted from 1.
        """

    @abstractmethod
    def finish(
        self, recorded: Any, inputs: Any, moments: Mapping[str, Any], step: int, lr: float
    ) -> StepResult:
        """Take the rest of a step that `record` began; the caller has locked what it changes."""

    @abstractmethod
    def set_l2(self, l2: float) -> None:
        """Take another λ of the penalty from the next step on."""

    @abstractmethod
    def __call__(
        self, x: Any, inputs: Any, moments: Mapping[str, Any], seed: int, step: int, lr: float
    ) -> StepResult:
        """Take the whole step, in place; the caller has locked parameters and state."""


class Segment(ABC):
    """A run of consecutive stages that is computed as one."""

    stages: range
    """The stages that the segment runs."""

    @abstractmethod
    def forward(self, run: Run, x: Any) -> Any:
        """Return the result for `x`, recording each stage if ``run.records`` is there."""

    @abstractmethod
    def backward(self, run: Run, dy: Any) -> Any:
        """Write the gradients of the segment's parameters and return the gradient of its input.

        For the first stage of the program and ``run.need_dx`` False it returns None.
        """


class Engine(Protocol):
    """Whoever fuses stages."""

    def claim(self, program: Program, start: int, dtype: Any, mode: Mode) -> Segment | None:
        """Return a segment that begins with stage `start`, or None to leave it to others."""


class Plan(ABC):
    """A program compiled for one backend, dtype and mode; without arrays, so threads share it."""

    program: Program
    mode: Mode
    chunk: int
    """How many rows prediction carries through all segments at once."""

    @abstractmethod
    def forward(self, run: Run, x: Any) -> Any:
        """Return the logits of `x`, shape (rows, in_features)."""

    @abstractmethod
    def backward(self, run: Run, dz: Any) -> Any:
        """Write the gradients for the gradient `dz` of the logits; return that of the input."""

    def direct(self, binding: Binding, output: Any) -> DirectPrediction | None:  # noqa: ARG002
        """Return what predicts with the activation `output` applied, or None if nothing does."""
        return None

    def frozen(self, binding: Binding, output: Any) -> FrozenPrediction | None:  # noqa: ARG002
        """Return the same as `direct` for parameters that nobody writes any more."""
        return None

    def step_rule(
        self,
        binding: Binding,  # noqa: ARG002
        loss: Any,  # noqa: ARG002
        optimizer: Any,  # noqa: ARG002
        l2: float,  # noqa: ARG002
    ) -> StepRule | None:
        """Return how whole training steps are taken at once, or None if that cannot be done."""
        return None

    @abstractmethod
    def saved(self, operation: Operation, rows: int, width: int, itemsize: int) -> Saved:
        """Return what an operation leaves for the way back, for x of shape (rows, width)."""

    @abstractmethod
    def loss(self, loss: Any, z: Any, t: Any, sample_weight: Any) -> tuple[Any, Any]:
        """Return the value of a validated loss of the logits `z`, and its gradient dz."""

    @abstractmethod
    def update(
        self,
        parameters: ParameterBuffer,
        optimizer: Any,
        gradient: Any,
        moments: Mapping[str, Any],
        step: int,
        lr: float | None,
        spans: Sequence[Span] | None = None,
    ) -> None:
        """Let `optimizer` take its step number `step` on the flat buffer, in place.

        Where `spans` are given, nothing outside them is changed, nor in `moments`.
        """


class Backend(ABC):
    """The arrays and plans of one device."""

    name: str
    """``"cpu"`` or ``"cuda"``."""
    xp: ModuleType
    """The array namespace."""
    device: Device
    """Where the arrays are."""

    @abstractmethod
    def active(self) -> AbstractContextManager[Any]:
        """Return a context to compute in: the right device, no floating-point warnings."""

    @abstractmethod
    def receive(self, x: Any, kind: Kind, dtype: Any = None) -> Any:
        """Return `x` on this device as a contiguous array of `dtype`, without a copy if it fits.

        Raises
        ------
        TypeError
            If `x` is in the memory of another device, or holds something other than real numbers.
        """

    @abstractmethod
    def deliver(self, x: Any, kind: Kind) -> Any:
        """Return the backend's array `x` as an array of `kind`."""

    @abstractmethod
    def to_host(self, x: Any) -> Any:
        """Return the backend's array `x` as a NumPy array."""

    @abstractmethod
    def zeros(self, length: int, dtype: Any) -> Any:
        """Return a vector of zeros that starts at a 64-byte boundary."""

    @abstractmethod
    def lend(self, exporter: Exporter) -> Any:
        """Return a writable view of ``exporter.flat`` that keeps `exporter` alive."""

    @abstractmethod
    def compile(self, program: Program, dtype: Any, mode: Mode) -> Plan:
        """Return the plan of `program`."""

    def sum_of_squares(self, x: Any) -> Any:
        """Return Σ x² of a C-contiguous array, shape ()."""
        return self.xp.sum(x * x)

    @abstractmethod
    def synchronize(self) -> None:
        """Wait until everything that was asked for is computed."""
