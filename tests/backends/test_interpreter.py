"""Stages that no engine claims: whose arithmetic computes them, in which dtype, in which chunks."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from support.layers import OwnBatchNorm, OwnDropout, OwnResidual

from mlpcore.backends.arithmetic import REFERENCE, Reference
from mlpcore.backends.base import Mode
from mlpcore.backends.bound import BoundProgram
from mlpcore.backends.composed import compose
from mlpcore.backends.cpu.backend import CPUBackend
from mlpcore.backends.cpu.compiled import compiled
from mlpcore.backends.interpreter import InterpretedStage
from mlpcore.device import Device
from mlpcore.kernels.reference.operation import Operation, RandomKey, Scope
from mlpcore.kernels.reference.operations import Activation, Standardize
from mlpcore.network import Dense, Network
from mlpcore.nn.activations import activation
from mlpcore.program import lower

GELU = Activation("gelu")
CUBE = activation((lambda z: z + z**3 / 8, lambda z: 1 + 3 * z**2 / 8))

NETWORKS = {
    "own activation": (Dense(300, 40), CUBE, Dense(40, 70, bias=False), CUBE, Dense(70, 5)),
    "between fused stages": (Dense(300, 40), GELU, Dense(40, 30), CUBE, Dense(30, 5)),
    "dropout": (Dense(300, 40), GELU, OwnDropout(0.4), Dense(40, 5)),
    "batch norm": (Dense(300, 40), OwnBatchNorm(), GELU, Dense(40, 5)),
    "residual": (Dense(300, 40), GELU, Dense(40, 40), GELU, OwnResidual(), Dense(40, 5)),
    "input first": (Standardize(), OwnDropout(0.2), OwnBatchNorm(), Dense(300, 5)),
}


def bind(layers, dtype="float64"):
    backend = CPUBackend(Device.parse("cpu"))
    bound = BoundProgram(lower(Network(layers)), backend, np.dtype(dtype))
    rng = np.random.default_rng(0)
    for buffer in (bound.parameters, bound.state):
        for name, view in buffer.lease().items():
            scale = 1 if view.ndim == 1 else view.shape[1] ** -0.5
            view[...] = scale * rng.uniform(0.2, 1.0, view.shape) * rng.choice([-1, 1], view.shape)
            if name.endswith(("variance", "scale")):
                view[...] = np.abs(view)
    return bound


def reference_of(bound, mode=Mode.GRADIENT):
    """Return a plan in which the reference computes everything."""
    return compose(bound.program, (), np, bound.dtype, mode, 1024)


def passed(bound, plan, x, dz, random=None):
    """Return the logits, and all gradients, of one pass through `plan`."""
    mode = plan.mode
    bound.plan = lambda mode: plan
    logits, tape = bound.forward(x, mode, random)
    found = bound.backward(tape, dz, intermediates=True)
    return logits, found


@dataclass
class Listening(Reference):
    """The reference, with a list of what it was asked for."""

    heard: list

    def affine(self, run, weight, bias, x):
        self.heard.append(("affine", weight, bias))
        return super().affine(run, weight, bias, x)

    def affine_gradient(self, xp, run, weight, bias, x, dz, *, need_dx):
        self.heard.append(("gradient", weight, bias, need_dx))
        return super().affine_gradient(xp, run, weight, bias, x, dz, need_dx=need_dx)

    def apply(self, operation, call, x):
        self.heard.append(("apply", operation.kind))
        return super().apply(operation, call, x)

    def differentiate(self, operation, call, dy):
        self.heard.append(("differentiate", operation.kind))
        return super().differentiate(operation, call, dy)


def test_everything_a_stage_computes_is_asked_of_its_arithmetic():
    bound = bind((Standardize(), Dense(4, 3), GELU, Dense(3, 2, bias=False)))
    listening = Listening([])
    plan = compose(bound.program, (), np, bound.dtype, Mode.GRADIENT, 1024, listening)
    bound.plan = lambda mode: plan
    _, tape = bound.forward(np.ones((6, 4)), Mode.GRADIENT)
    assert listening.heard == [
        ("apply", "standardize"),
        ("affine", "layers.0.weight", "layers.0.bias"),
        ("apply", "activation"),
        ("affine", "layers.1.weight", None),
    ]
    listening.heard.clear()
    bound.backward(tape, np.ones((6, 2)), input_gradient=False)
    assert listening.heard == [
        ("gradient", "layers.1.weight", None, True),
        ("differentiate", "activation"),
        ("gradient", "layers.0.weight", "layers.0.bias", False),
    ]


def test_the_gradient_of_the_input_is_computed_for_those_who_have_parameters_before_the_product():
    bound = bind((OwnBatchNorm(), Dense(4, 2)))
    x, dz = np.random.default_rng(1).normal(size=(6, 4)), np.ones((6, 2))
    _, tape = bound.forward(x, Mode.GRADIENT)
    without = bound.backward(tape, dz, input_gradient=False)
    assert without.dx is None
    assert np.array_equal(without.flat, bound.backward(tape, dz).flat)


def test_a_stage_has_the_mathematics_of_the_reference_unless_told_otherwise():
    stage = bind((Dense(4, 2),)).program.stages[0]
    assert InterpretedStage(np, stage, False).arithmetic is REFERENCE


@pytest.mark.parametrize("training", [False, True], ids=["prediction", "training"])
@pytest.mark.parametrize("layers", NETWORKS.values(), ids=NETWORKS)
def test_a_plan_of_the_cpu_gives_what_the_reference_gives(layers, training):
    bound = bind(layers)
    rng = np.random.default_rng(1)
    x, dz = rng.normal(size=(83, 300)), rng.normal(size=(83, 5))
    mode, random = Mode.GRADIENT, None
    if training:
        mode, random = Mode.TRAINING, RandomKey(3, 5)
    plan = bound.plan(mode)
    y, found = passed(bound, plan, x, dz, random)
    expected_y, expected = passed(bound, reference_of(bound, mode), x, dz, random)
    # Sums of up to 300 terms of about 1, in another order: some 300 units in the last place.
    tolerance = {"rtol": 1e-12, "atol": 1e-12}
    np.testing.assert_allclose(y, expected_y, **tolerance)
    np.testing.assert_allclose(found.flat, expected.flat, **tolerance)
    np.testing.assert_allclose(found.dx, expected.dx, **tolerance)
    for index in range(len(bound.program.stages)):
        np.testing.assert_allclose(found.dz[index], expected.dz[index], **tolerance)
        np.testing.assert_allclose(found.da[index], expected.da[index], **tolerance)


@dataclass(frozen=True)
class Widening(Operation):
    """y = 2 x, as somebody writes it who does not think of dtypes."""

    kind = "widening"

    def scope(self, training):
        return Scope.TILE

    def forward(self, call, x):
        return x * np.float64(2) * np.ones(x.shape)

    def backward(self, call, dy):
        return dy * np.full(dy.shape, 2.0)


def test_what_leaves_an_operation_has_the_dtype_of_the_model():
    """An engine that runs the next stage would read numbers of twice the size as its own."""
    rng = np.random.default_rng(2)
    x, dz = rng.normal(size=(9, 300)).astype("float32"), rng.normal(size=(9, 5)).astype("float32")
    widening = bind((Dense(300, 40), GELU, Widening(), Dense(40, 5)), "float32")
    y, found = passed(widening, widening.plan(Mode.GRADIENT), x, dz)
    expected_y, expected = passed(widening, reference_of(widening), x, dz)
    assert y.dtype == found.flat.dtype == found.dx.dtype == np.float32
    np.testing.assert_allclose(y, expected_y, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found.flat, expected.flat, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found.dx, expected.dx, rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(
    compiled("float32", "few", "team") is None, reason="NumPy's sums depend on the batch"
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("chunk", [1, 7, 64])
@pytest.mark.parametrize("layers", NETWORKS.values(), ids=NETWORKS)
def test_prediction_in_chunks_has_the_bits_of_prediction_at_once(layers, chunk, dtype):
    bound = bind(layers, dtype)
    x = np.random.default_rng(3).normal(size=(83, 300)).astype(dtype)
    plan = bound.plan(Mode.INFERENCE)
    whole = bound.forward(x)[0]
    recorded = bound.forward(x, Mode.GRADIENT)[0]
    bound.plan = lambda mode: replace(plan, chunk=chunk)
    assert np.array_equal(bound.forward(x)[0], whole)
    assert np.array_equal(recorded, whole)
