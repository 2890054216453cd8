"""A new layer costs one class: those of a user's own run in plans as they are.

Their forward pass, gradients, state, random stream and effect on chunking are checked through
`BoundProgram`, which has never heard of them.
"""

import numpy as np
import pytest
from support.differences import central_differences, relative_error
from support.layers import OwnBatchNorm, OwnDropout, OwnResidual

from mlpcore.backends.base import Mode
from mlpcore.backends.bound import BoundProgram
from mlpcore.backends.composed import ComposedPlan
from mlpcore.backends.cpu.backend import CPUBackend
from mlpcore.device import Device
from mlpcore.kernels.reference.operation import RandomKey
from mlpcore.kernels.reference.operations import Activation, Standardize
from mlpcore.network import Dense, Network
from mlpcore.optim import optimizer
from mlpcore.program import lower

TANH = Activation("tanh")

NETWORKS = {
    "dropout": (Dense(4, 6), TANH, OwnDropout(0.4), Dense(6, 3)),
    "batch norm": (Dense(4, 6), OwnBatchNorm(), TANH, Dense(6, 3)),
    "residual": (Dense(4, 6), TANH, Dense(6, 6), TANH, OwnResidual(), Dense(6, 3)),
    "residual over two layers": (
        Dense(4, 5),
        TANH,
        Dense(5, 5),
        TANH,
        Dense(5, 5),
        OwnResidual(2),
        TANH,
        Dense(5, 3),
    ),
    "two that read one": (
        Dense(4, 5),
        TANH,
        Dense(5, 5),
        OwnResidual(1),
        Dense(5, 5),
        OwnResidual(2),
        Dense(5, 2),
    ),
    "input first": (Standardize(), OwnDropout(0.2), OwnBatchNorm(), Dense(4, 3)),
    "all": (
        Standardize(),
        Dense(4, 6),
        OwnBatchNorm(),
        TANH,
        OwnDropout(0.3),
        Dense(6, 6),
        OwnBatchNorm(),
        OwnResidual(),
        TANH,
        Dense(6, 3),
    ),
}


def bind(layers):
    bound = BoundProgram(
        lower(Network(layers)), CPUBackend(Device.parse("cpu")), np.dtype(np.float64)
    )
    rng = np.random.default_rng(0)
    for buffer in (bound.parameters, bound.state):
        for view in buffer.lease().values():
            view[...] = rng.uniform(0.2, 1.0, view.shape) * rng.choice([-1, 1], view.shape)
    for name, view in bound.state.views.items():
        if name.endswith(("variance", "scale")):
            view[...] = np.abs(view)
    return bound


@pytest.mark.parametrize("training", [False, True], ids=["prediction", "training"])
@pytest.mark.parametrize("layers", NETWORKS.values(), ids=NETWORKS)
def test_gradients_are_central_differences(layers, training):
    bound = bind(layers)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(7, 4))
    dz = rng.normal(size=(7, bound.program.out_features))
    mode = Mode.TRAINING if training else Mode.GRADIENT
    kept = bound.state.flat.copy()

    def run():
        bound.state.flat[...] = kept
        return bound.forward(x, mode, RandomKey(3, 5) if training else None)

    def scalar():
        return float((run()[0] * dz).sum())

    _, tape = run()
    result = bound.backward(tape, dz)
    assert relative_error(result.dx, central_differences(scalar, x)) < 1e-6
    # As one vector: the gradient of a bias before batch normalisation is zero, relative to nothing.
    views = bound.parameters.layout.views(result.flat)
    leased = bound.parameters.lease()
    expected = [central_differences(scalar, leased[name]) for name in views]
    found = np.concatenate([view.ravel() for view in views.values()])
    assert relative_error(found, np.concatenate([e.ravel() for e in expected])) < 1e-6


def test_dropout_draws_by_step_and_only_in_training():
    bound = bind(NETWORKS["dropout"])
    x = np.ones((50, 4))
    first = bound.forward(x, Mode.TRAINING, RandomKey(1, 1))[0]
    assert np.array_equal(first, bound.forward(x, Mode.TRAINING, RandomKey(1, 1))[0])
    assert not np.array_equal(first, bound.forward(x, Mode.TRAINING, RandomKey(1, 2))[0])
    assert np.array_equal(bound.forward(x)[0], bound.forward(x, Mode.GRADIENT)[0])


def test_batch_norm_keeps_running_statistics_in_training_alone():
    bound = bind((OwnBatchNorm(momentum=1.0), Dense(4, 2)))
    x = np.random.default_rng(2).normal(3, 2, size=(40, 4))
    kept = bound.state.flat.copy()
    bound.forward(x, Mode.GRADIENT)
    bound.forward(x)
    _, tape = bound.forward(x, Mode.TRAINING)
    assert np.array_equal(bound.state.flat, kept)  # until the step is whole
    bound.update(tape, optimizer("sgd"), bound.gradient(), {}, 1)
    views = bound.state.views
    np.testing.assert_allclose(views["layers.0.running_mean"], x.mean(axis=0))
    np.testing.assert_allclose(views["layers.0.running_variance"], x.var(axis=0))


@pytest.mark.parametrize("layers", NETWORKS.values(), ids=NETWORKS)
def test_prediction_in_chunks_is_prediction_at_once(layers):
    bound = bind(layers)
    x = np.random.default_rng(3).normal(size=(23, 4))
    whole, _ = bound.forward(x, Mode.GRADIENT)
    plan = bound.plan(Mode.INFERENCE)
    assert isinstance(plan, ComposedPlan)
    chunked = ComposedPlan(plan.xp, plan.program, plan.mode, plan.segments, 5)
    bound.plan = lambda mode: chunked
    np.testing.assert_allclose(bound.forward(x)[0], whole, rtol=1e-12)


def test_statistics_of_a_batch_are_never_taken_of_a_chunk():
    bound = bind((OwnBatchNorm(), Dense(4, 2)))
    x = np.random.default_rng(4).normal(size=(23, 4))
    plan = bound.plan(Mode.TRAINING)
    chunked = ComposedPlan(plan.xp, plan.program, plan.mode, plan.segments, 5)
    whole, _ = bound.forward(x, Mode.TRAINING)
    bound.plan = lambda mode: chunked
    assert np.array_equal(bound.forward(x, Mode.TRAINING)[0], whole)


def test_a_network_of_such_layers_is_compared_and_hashed_like_any():
    assert Network(NETWORKS["all"]) == Network(NETWORKS["all"])
    assert len({Network(layers) for layers in NETWORKS.values()}) == len(NETWORKS)
    assert OwnDropout(0.5).config() == {"kind": "own_dropout", "rate": 0.5}
    assert OwnDropout.from_config({"kind": "own_dropout", "rate": 0.5}) == OwnDropout(0.5)
