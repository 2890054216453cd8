"""Engines claim runs of stages; the reference runs whatever is left."""

import numpy as np
import pytest

from mlpcore.backends.base import Mode, Segment
from mlpcore.backends.bound import BoundProgram
from mlpcore.backends.composed import compose
from mlpcore.backends.cpu.backend import CPUBackend
from mlpcore.backends.interpreter import InterpretedStage
from mlpcore.device import Device
from mlpcore.kernels.reference.operations import Activation
from mlpcore.network import perceptron
from mlpcore.program import lower

PROGRAM = lower(
    perceptron([4, 5, 6, 3], [Activation("relu"), Activation("tanh")], Activation("identity"))
)


class Fused(Segment):
    """Two stages as one, here by running the reference for both."""

    def __init__(self, program, start):
        self.stages = range(start, start + 2)
        self.parts = [InterpretedStage(np, stage, False) for stage in program.stages[start:][:2]]

    def forward(self, run, x):
        for part in self.parts:
            x = part.forward(run, x)
        return x

    def backward(self, run, dy):
        for part in reversed(self.parts):
            dy = part.backward(run, dy)
        return dy


class Engine:
    """Claims two stages from those that it is told to."""

    def __init__(self, *starts):
        self.starts = starts
        self.asked = []

    def claim(self, program, start, dtype, mode):
        self.asked.append(start)
        return Fused(program, start) if start in self.starts else None


def plan(*engines):
    return compose(PROGRAM, engines, np, np.dtype(np.float64), Mode.GRADIENT, 1024)


def kinds(plan):
    return [(type(segment).__name__, list(segment.stages)) for segment in plan.segments]


def test_without_engines_the_reference_runs_every_stage():
    assert kinds(plan()) == [
        ("InterpretedStage", [0]),
        ("InterpretedStage", [1]),
        ("InterpretedStage", [2]),
    ]


def test_a_claimed_run_is_not_offered_again():
    engine = Engine(1)
    assert kinds(plan(engine)) == [("InterpretedStage", [0]), ("Fused", [1, 2])]
    assert engine.asked == [0, 1]


def test_the_first_engine_that_claims_a_stage_gets_it():
    first, second = Engine(), Engine(0)
    assert kinds(plan(first, second)) == [("Fused", [0, 1]), ("InterpretedStage", [2])]
    assert first.asked == [0, 2]


def test_an_engine_that_claims_what_is_not_there_is_refused():
    with pytest.raises(RuntimeError, match="does not begin with stage 2"):
        plan(Engine(2))


def test_a_plan_with_a_claimed_run_gives_what_the_reference_gives():
    bound = BoundProgram(PROGRAM, CPUBackend(Device.parse("cpu")), np.dtype(np.float64))
    rng = np.random.default_rng(0)
    for view in bound.parameters.lease().values():
        view[...] = rng.normal(size=view.shape)
    bound.plan = lambda mode: plan()
    x, dz = rng.normal(size=(9, 4)), rng.normal(size=(9, 3))
    logits, tape = bound.forward(x, Mode.GRADIENT)
    expected = bound.backward(tape, dz, intermediates=True)
    fused = plan(Engine(0))
    bound.plan = lambda mode: fused
    again, tape = bound.forward(x, Mode.GRADIENT)
    found = bound.backward(tape, dz, intermediates=True)
    assert np.array_equal(again, logits)
    assert np.array_equal(found.flat, expected.flat)
    assert np.array_equal(found.dx, expected.dx)
    assert all(np.array_equal(found.dz[i], expected.dz[i]) for i in range(3))
