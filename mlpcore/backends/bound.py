"""A program bound to a device, a dtype and the arrays it computes with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlpcore.backends.base import Backend, Mode, Plan, Run, StageRecord
from mlpcore.backends.layout import Layout
from mlpcore.backends.parameters import ParameterBuffer
from mlpcore.kernels.reference.operation import RandomKey
from mlpcore.program import Parameter, Program

Watcher = Callable[[list[StageRecord]], None]
"""Whoever looks at each stage's values after a forward pass."""


@dataclass(frozen=True)
class Tape:
    """What a forward pass recorded, and of which parameters.

    Attributes
    ----------
    run : Run
        The recorded pass.
    version : int
        The version of the parameters that it used.
    rows : int
        How many rows went through.
    """

    run: Run
    version: int
    rows: int

    @property
    def records(self) -> list[StageRecord]:
        """The record of each stage."""
        return self.run.records or []


@dataclass(frozen=True)
class Backward:
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
    dz: dict[int, Any] = field(default_factory=dict)
    da: dict[int, Any] = field(default_factory=dict)


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
    """

    def __init__(self, program: Program, backend: Backend, dtype: np.dtype[Any]) -> None:
        self.program = program
        self.backend = backend
        self.dtype = dtype
        self.parameters = self._buffer(program.parameters)
        self.state = self._buffer(program.state)
        self.watchers: list[Watcher] = []
        self._plans: dict[Mode, Plan] = {}

    def plan(self, mode: Mode) -> Plan:
        """Return the plan for `mode`, compiled when it is first asked for."""
        found = self._plans.get(mode)
        if found is None:
            found = self._plans[mode] = self.backend.compile(self.program, self.dtype, mode)
        return found

    def _buffer(self, parameters: tuple[Parameter, ...]) -> ParameterBuffer:
        layout = Layout.of(parameters, self.dtype.itemsize)
        with self.backend.active():
            flat = self.backend.zeros(layout.length, self.dtype)
            buffer = ParameterBuffer(flat, layout, self.backend)
            for parameter in parameters:
                if parameter.fill:
                    buffer.views[parameter.name][...] = parameter.fill
        return buffer

    def gradient(self) -> Any:
        """Return a new flat gradient, all zero."""
        return self.backend.zeros(self.parameters.layout.length, self.dtype)

    def forward(
        self,
        x: Any,
        mode: Mode = Mode.INFERENCE,
        random: RandomKey | None = None,
    ) -> tuple[Any, Tape | None]:
        """Return the logits of `x`, shape (rows, in_features), and the tape, None in inference."""
        recorded = mode is not Mode.INFERENCE or bool(self.watchers)
        records = [StageRecord() for _ in self.program.stages] if recorded else None
        run = Run(
            self.parameters,
            self.state.views,
            training=mode is Mode.TRAINING,
            records=records,
            random=random,
        )
        plan = self.plan(mode)
        with self.parameters.guard.reading():
            version = self.parameters.version
            logits = plan.forward(run, x)
        for watcher in list(self.watchers):
            watcher(records or [])
        return logits, None if mode is Mode.INFERENCE else Tape(run, version, x.shape[0])

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

        Raises
        ------
        ValueError
            If the parameters have changed since the forward pass.
        """
        flat = self.gradient() if out is None else out
        mode = Mode.TRAINING if tape.run.training else Mode.GRADIENT
        plan = self.plan(mode)
        run = tape.run
        run = Run(
            self.parameters,
            run.state,
            training=run.training,
            records=run.records,
            random=run.random,
            results=run.results,
            gradients=self.parameters.layout.views(flat),
            need_dx=input_gradient,
            dz={} if intermediates else None,
            da={} if intermediates else None,
        )
        with self.parameters.guard.reading():
            if tape.version != self.parameters.version:
                raise ValueError(
                    "the parameters have changed since the forward pass that made this cache; "
                    "call forward again"
                )
            dx = plan.backward(run, dz)
        return Backward(flat, dx, run.dz or {}, run.da or {})

    def update(
        self,
        optimizer: Any,
        gradient: Any,
        moments: Mapping[str, Any],
        step: int,
        lr: float | None = None,
    ) -> None:
        """Let `optimizer` take its step number `step`, in place."""
        plan = self.plan(Mode.TRAINING)
        plan.update(self.parameters, optimizer, gradient, moments, step, lr)

    def values(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return copies of all parameters and of the state, by name, in host memory."""
        found: dict[str, np.ndarray[Any, Any]] = {}
        with self.backend.active():
            for buffer in (self.parameters, self.state):
                with buffer.guard.reading():
                    host = np.array(self.backend.to_host(buffer.flat))
                found |= {name: view.copy() for name, view in buffer.layout.views(host).items()}
        return found

    def assign(self, values: Mapping[str, Any]) -> None:
        """Copy `values`, checked NumPy arrays by name, into parameters and state."""
        with self.backend.active():
            for buffer in (self.parameters, self.state):
                with buffer.guard.writing():
                    for name, view in buffer.views.items():
                        if name in values:
                            view[...] = self.backend.xp.asarray(values[name], dtype=self.dtype)
                    buffer.changed()
