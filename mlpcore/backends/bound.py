"""A program bound to a device, a dtype and the arrays it computes with."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from mlpcore.backends.base import (
    Backend,
    Binding,
    DirectPrediction,
    FrozenPrediction,
    Mode,
    Plan,
    Run,
    Settings,
    StageRecord,
    StepRule,
)
from mlpcore.backends.layout import Layout
from mlpcore.backends.parameters import ParameterBuffer
from mlpcore.backends.predicting import Prediction, prediction, without_noise
from mlpcore.backends.seqlock import SequenceLock, Write
from mlpcore.backends.spans import Span
from mlpcore.cached import cached_property
from mlpcore.kernels.reference.operation import RandomKey
from mlpcore.lazy_imports import importing
from mlpcore.program import Parameter, Program

if TYPE_CHECKING:
    from mlpcore.backends.recompute import RecomputingPlan

T = TypeVar("T")

Watcher = Callable[[list[StageRecord]], None]
"""Whoever looks at each stage's values after a forward pass."""


class Tape(NamedTuple):
    """What a forward pass recorded, and of which parameters.

    Attributes
    ----------
    run : Run
        The recorded pass.
    sequence : int
        The state of the parameters that it used, as `SequenceLock` counts them.
    rows : int
        How many rows went through.
    segments : int or None
        In how many groups of stages the plan goes that computes records again.
    """

    run: Run
    sequence: int
    rows: int
    segments: int | None = None

    @property
    def records(self) -> list[StageRecord]:
        """The record of each stage; empty ones where the way back computes them again."""
        return self.run.records or []


class Backward(NamedTuple):
    """The gradients of one backward pass.

    Attributes
    ----------
    flat : array
        The gradient of every parameter, in the layout of the parameters.
    dx : array or None
        The gradient of the input.
    dz, da : dict of int to array
        The gradient of each stage's pre-activation and result, where they were asked for.
    """

    flat: Any
    dx: Any
    dz: dict[int, Any]
    da: dict[int, Any]


class BoundProgram:
    """A program with its parameters on one device.

    Parameters
    ----------
    program : Program
        What to compute.
    backend : Backend
        Where.
    dtype : numpy.dtype
        float32 or float64.

    Attributes
    ----------
    parameters, state : ParameterBuffer
        What training differentiates, and what is kept besides.  Both are written under one lock.
    settings : Settings
        What the model asks for; changed in place.
    watchers : list of callable
        Called with the records of every forward pass, which are made for them if there are any.
    """

    def __init__(self, program: Program, backend: Backend, dtype: np.dtype[Any]) -> None:
        self.program = program
        self.backend = backend
        self.dtype = dtype
        self.parameters = self._buffer(program.parameters)
        self.state = self._buffer(program.state)
        self.settings = Settings()
        self.watchers: list[Watcher] = []
        self._lock = SequenceLock(self.parameters.changed, self.state.changed)
        self._binding = Binding(self.parameters, self.state, self._lock, self.settings)
        self._plans: dict[Mode, Plan] = {}
        self._in_groups: dict[int, RecomputingPlan] = {}
        self._least_rows = program.least_rows(training=True)

    def _buffer(self, parameters: tuple[Parameter, ...]) -> ParameterBuffer:
        layout = Layout.of(parameters, self.dtype.itemsize)
        with self.backend.active():
            flat = self.backend.zeros(layout.length, self.dtype)
            buffer = ParameterBuffer(flat, layout, self.backend)
            for parameter in parameters:
                if parameter.fill:
                    buffer.views[parameter.name][...] = parameter.fill
        return buffer

    def plan(self, mode: Mode) -> Plan:
        """Return the plan for `mode`, compiled when it is first asked for."""
        found = self._plans.get(mode)
        if found is None:
            program = self._program(mode)
            found = self._plans[mode] = self.backend.compile(program, self.dtype, mode)
        return found

    def _passes(self, mode: Mode, segments: int | None) -> "Plan | RecomputingPlan":
        """Return what goes forward and back: in training by as many groups of stages, if given."""
        if segments is None:
            return self.plan(mode)
        found = self._in_groups.get(segments)
        if found is None:
            with importing():
                from mlpcore.backends.recompute import recomputing
            found = self._in_groups[segments] = recomputing(
                self.program,
                segments,
                lambda program: self.backend.compile(program, self.dtype, Mode.TRAINING),
            )
        return found

    def _program(self, mode: Mode) -> Program:
        """Return what a plan for `mode` computes."""
        if mode is Mode.TRAINING:
            return self.program
        return without_noise(self.program) if mode is Mode.GRADIENT else self._prediction.program

    @cached_property
    def _prediction(self) -> Prediction:
        """What prediction computes, and with which arrays."""
        return prediction(self.program, self._binding, self.backend)

    def gradient(self) -> Any:
        """Return a new flat gradient, all zero."""
        return self.backend.zeros(self.parameters.layout.length, self.dtype)

    @property
    def sequence(self) -> int:
        """The number of the parameters' present state; each write makes a new one."""
        return self._lock.sequence

    def read(self, work: Callable[[], T]) -> T:
        """Return what `work` computes of one whole state of the parameters; it may run again."""
        return self._lock.read(work)

    def writing(self) -> Write:
        """Return a context to write parameters and state in: others see it whole or not at all."""
        return self._lock.write()

    def forward(
        self,
        x: Any,
        mode: Mode = Mode.INFERENCE,
        random: RandomKey | None = None,
        *,
        watched: bool = True,
        segments: int | None = None,
    ) -> tuple[Any, Tape | None]:
        """Return the logits of `x`, shape (rows, in_features), and the tape, None in inference.

        A training pass leaves what it does to the state on its tape; `update` keeps it.  Without
        `watched` the watchers do not see it.  With `segments` a training pass keeps the results of
        so many stages, and its way back computes the rest again, unless somebody watches.

        Raises
        ------
        ValueError
            If a training pass has too few rows for an operation.
        """
        training = mode is Mode.TRAINING
        if training and x.shape[0] < self._least_rows:
            raise ValueError(
                f"a training step of this network needs at least {self._least_rows} rows, for "
                f"the variance of a batch; got {x.shape[0]}"
            )
        watchers = list(self.watchers) if watched else []
        if watchers and mode is Mode.INFERENCE and self._prediction.folded:
            # What is folded has no values of its own to be seen, and looking changes no bit.
            self.forward(x, Mode.GRADIENT)
            watchers = []
        recorded = mode is not Mode.INFERENCE or bool(watchers)
        if watchers or not training:
            segments = None
        plan = self._passes(mode, segments)
        binding = self._prediction.binding if mode is Mode.INFERENCE else self._binding

        def work() -> tuple[Any, Tape]:
            binding.parameters.refresh()
            buffer = binding.state
            flat, state = buffer.copied() if training else (None, buffer.views)
            run = Run(
                binding.parameters,
                state,
                buffer,
                flat,
                training=training,
                records=[StageRecord() for _ in self.program.stages] if recorded else None,
                random=random,
                settings=self.settings,
            )
            sequence = self.sequence
            return plan.forward(run, x), Tape(run, sequence, x.shape[0], segments)

        logits, tape = self.read(work)
        for watcher in watchers:
            watcher(tape.records)
        return logits, None if mode is Mode.INFERENCE else tape

    def backward(
        self,
        tape: Tape,
        dz: Any,
        *,
        out: Any = None,
        input_gradient: bool = True,
        intermediates: bool = False,
    ) -> Backward:
        """Return the gradients for the gradient `dz` of the logits.

        Parameters
        ----------
        tape : Tape
            What `forward` recorded.
        dz : array, shape (rows, out_features)
            The gradient of the objective by the logits.
        out : array or None
            A flat gradient to write into, with zeros in its holes.
        input_gradient : bool
            Whether to compute the gradient of the input.
        intermediates : bool
            Whether to keep the gradients of each stage's pre-activation and result.

        Notes
        -----
        Who calls it makes sure that no write came between: by `read`, or by `verify` before and
        after.
        """
        flat = self.gradient() if out is None else out
        recorded = tape.run
        mode = Mode.TRAINING if recorded.training else Mode.GRADIENT
        run = replace(
            recorded,
            gradients=self.parameters.layout.views(flat),
            result_gradients={},
            need_dx=input_gradient,
            dz={} if intermediates else None,
            da={} if intermediates else None,
        )
        dx = self._passes(mode, tape.segments).backward(run, dz)
        return Backward(flat, dx, run.dz or {}, run.da or {})

    def verify(self, tape: Tape) -> None:
        """Raise ValueError unless the parameters are those that `tape` was recorded with.

        Writes through leased views are not counted.
        """
        if self.sequence != tape.sequence:
            raise ValueError(
                "the parameters have changed since the forward pass that made this cache; "
                "call forward again"
            )

    def require(self, sequence: int) -> None:
        """In the middle of a write, raise ValueError if another came since `sequence`."""
        self._refuse_change(self.sequence, sequence + 1)  # one more is this very write

    def _refuse_change(self, found: int, expected: int) -> None:
        if found != expected:
            raise ValueError(
                "another thread changed the parameters during this step; nothing was updated"
            )

    def update(
        self,
        tape: Tape | None,
        optimizer: Any,
        gradient: Any,
        moments: Mapping[str, Any],
        step: int,
        lr: float | None = None,
        *,
        spans: Sequence[Span] | None = None,
        frozen: Collection[str] = (),
        then: Callable[[], None] | None = None,
    ) -> None:
        """Let `optimizer` take its step number `step`, and keep what `tape` did to the state.

        Parameters
        ----------
        tape : Tape or None
            The forward pass that must have seen the present parameters; None where none must.
        optimizer, gradient, moments, step, lr, spans
            As for `Plan.update`.
        frozen : collection of str
            The names in the state that stay as they are.
        then : callable, optional
            Called at the end, before anybody can see the new parameters.

        Raises
        ------
        ValueError
            If the parameters have changed since the forward pass.
        """
        plan = self.plan(Mode.TRAINING)
        with self.writing():
            if tape is not None:
                self.require(tape.sequence)
            plan.update(self.parameters, optimizer, gradient, moments, step, lr, spans)
            if tape is not None:
                self._keep_state(tape, frozen)
            if then is not None:
                then()

    def keep_state(self, tape: Tape, frozen: Collection[str] = ()) -> None:
        """Keep what `tape` did to the state, but for the names in `frozen`.

        Raises
        ------
        ValueError
            If the parameters have changed since the forward pass.
        """
        if not self.state.views:
            self._refuse_change(self.sequence, tape.sequence)
            return
        with self.writing():
            self.require(tape.sequence)
            self._keep_state(tape, frozen)

    def _keep_state(self, tape: Tape, frozen: Collection[str]) -> None:
        run = tape.run
        if self.state.views and not frozen:
            self.state.flat[...] = run.state_copy
            return
        for name, view in self.state.views.items():
            if name not in frozen:
                view[...] = run.state[name]

    def direct(self, output: Any) -> DirectPrediction | None:
        """Return what predicts with the activation `output` applied, or None if nothing does."""
        return self.plan(Mode.INFERENCE).direct(self._prediction.binding, output)

    def frozen(self, output: Any) -> FrozenPrediction | None:
        """Return the same as `direct` for parameters that nobody writes any more."""
        return self.plan(Mode.INFERENCE).frozen(self._prediction.binding, output)

    def step_rule(self, loss: Any, optimizer: Any, l2: float) -> StepRule | None:
        """Return how whole training steps are taken at once, or None if that cannot be done."""
        return self.plan(Mode.TRAINING).step_rule(self._binding, loss, optimizer, l2)

    def values(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return copies of all parameters and of the state, by name, in host memory."""

        def work() -> dict[str, np.ndarray[Any, Any]]:
            found: dict[str, np.ndarray[Any, Any]] = {}
            for buffer in (self.parameters, self.state):
                host = np.array(self.backend.to_host(buffer.flat))
                found |= {name: view.copy() for name, view in buffer.layout.views(host).items()}
            return found

        with self.backend.active():
            return self.read(work)

    def assign(self, values: Mapping[str, Any]) -> None:
        """Copy `values`, NumPy arrays by name, into parameters and state: all of them or none.

        Raises
        ------
        KeyError
            If there is no array of some name.
        """
        with self.backend.active():
            places = {**self.parameters.views, **self.state.views}
            ready = [
                (places[name], self.backend.xp.asarray(value, dtype=self.dtype))
                for name, value in values.items()
            ]
            with self.writing():
                for place, value in ready:
                    place[...] = value
