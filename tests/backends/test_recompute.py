"""Going forward again changes no bit of a gradient, and the memory of a pass grows as √L."""

import tracemalloc

import numpy as np
import pytest
from support.layers import OwnBatchNorm, OwnDropout, OwnResidual
from support.promises import of_kernels
from support.training import host

from mlpcore import MLP
from mlpcore.backends.base import Mode
from mlpcore.backends.bound import BoundProgram
from mlpcore.backends.recompute import number_of_segments
from mlpcore.backends.registry import backend
from mlpcore.device import resolve
from mlpcore.kernels.reference.operation import RandomKey
from mlpcore.kernels.reference.operations import (
    Activation,
    BatchNorm,
    Dropout,
    GaussianNoise,
    LayerNorm,
    Residual,
    Standardize,
)
from mlpcore.network import Dense, Network
from mlpcore.nn.initial_values import initial_values
from mlpcore.program import lower

GELU = Activation("gelu")


def deep(depth, *after, first=(), width=6):
    """Return `depth` layers, each with the same operations behind it, and one of 3 outputs."""
    layers = [layer for _ in range(depth) for layer in (Dense(width, width), *after)]
    return (*first, *layers, Dense(width, 3))


NETWORKS = {
    "plain": deep(9, GELU),
    "without activations": deep(5),
    "standardised": deep(5, GELU, first=(Standardize(),)),
    "noise": deep(6, GELU, Dropout(0.3), first=(GaussianNoise(0.1),)),
    "batch norm": deep(6, BatchNorm(), GELU),
    "layer norm": deep(6, LayerNorm(), GELU),
    "residual": (Dense(6, 6), GELU, *deep(7, GELU, Residual(1))),
    "residual over three layers": (*deep(3, GELU)[:-1], *deep(7, GELU, Residual(3))),
    "all": (Dense(6, 6), *deep(6, BatchNorm(), GELU, Residual(1), Dropout(0.2))),
    "the user's own": (
        Dense(6, 6),
        *deep(6, OwnBatchNorm(), GELU, OwnResidual(1), OwnDropout(0.2)),
    ),
}


def bound_program(layers, device, dtype="float32"):
    bound = BoundProgram(lower(Network(layers)), backend(resolve(device)), np.dtype(dtype))
    bound.assign(initial_values(bound.program, 0))
    return bound


def passed(layers, device, segments, *, rows=70, input_gradient=True, dtype="float32"):
    """Return logits, gradient, input's gradient and new state of one training pass."""
    bound = bound_program(layers, device, dtype)
    rng = np.random.default_rng(1)
    x, dz = (
        bound.backend.xp.asarray(rng.normal(size=(rows, n)).astype(dtype))
        for n in (bound.program.in_features, bound.program.out_features)
    )
    with bound.backend.active():
        z, tape = bound.forward(x, Mode.TRAINING, RandomKey(3, 5), segments=segments)
        found = bound.backward(tape, dz, input_gradient=input_gradient)
    state = [host(tape.run.state[name]) for name in bound.state.views]
    dx = [] if found.dx is None else [host(found.dx)]
    return [host(z), host(found.flat), *dx, *state]


def same(first, second):
    return len(first) == len(second) and all(
        a.tobytes() == b.tobytes() for a, b in zip(first, second, strict=True)
    )


@pytest.mark.parametrize("segments", [1, 2, 3, 5, 100])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_gradient_and_state_has_the_same_bits(device, name, segments):
    layers = NETWORKS[name]
    assert same(passed(layers, device, segments), passed(layers, device, None))


@pytest.mark.parametrize("rows", [2, 5, 300])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_whatever_the_batch(device, rows, dtype):
    given = {"rows": rows, "dtype": dtype, "input_gradient": False}
    layers = NETWORKS["all"]
    assert same(passed(layers, device, 3, **given), passed(layers, device, None, **given))


def test_state_is_changed_once_and_by_the_update_alone(device):
    bound = bound_program(NETWORKS["batch norm"], device)
    before = {name: host(view) for name, view in bound.state.views.items()}
    x = bound.backend.xp.asarray(np.random.default_rng(0).normal(size=(30, 6)).astype("f4"))
    z, tape = bound.forward(x, Mode.TRAINING, RandomKey(0, 0), segments=2)
    after_forward = {name: host(view) for name, view in tape.run.state.items()}
    bound.backward(tape, z)
    assert all(np.array_equal(host(bound.state.views[n]), before[n]) for n in before)
    assert all(np.array_equal(host(tape.run.state[n]), after_forward[n]) for n in before)
    assert not any(np.array_equal(after_forward[n], before[n]) for n in before)


def test_results_that_nobody_reads_again_are_let_go(device):
    bound = bound_program((Dense(6, 6), *deep(15, GELU, Residual(1))), device)
    x = bound.backend.xp.zeros((4, 6), np.float32)
    _, tape = bound.forward(x, Mode.TRAINING, segments=4)
    ends = {3, 7, 11}  # of 17 stages in groups
    assert {stage for stage in tape.run.results if stage < 12} == {-1, *ends}
    assert all(record.x is None for record in tape.records[:12])


def test_prediction_and_gradients_at_rest_record_as_ever(device):
    bound = bound_program(NETWORKS["plain"], device)
    x = bound.backend.xp.zeros((4, 6), np.float32)
    _, tape = bound.forward(x, Mode.GRADIENT, segments=3)
    assert all(record.z is not None for record in tape.records)
    assert bound.forward(x, segments=3)[1] is None


def test_who_watches_sees_every_layer(device):
    bound = bound_program(NETWORKS["plain"], device)
    seen = []
    bound.watchers.append(seen.extend)
    x = bound.backend.xp.ones((4, 6), np.float32)
    z, tape = bound.forward(x, Mode.TRAINING, RandomKey(0, 0), segments=3)
    assert len(seen) == len(bound.program.stages)
    assert all(record.z is not None for record in seen)
    bound.backward(tape, z)


@pytest.mark.parametrize(("layers", "segments"), [(1, 1), (4, 2), (16, 4), (20, 4), (21, 5)])
def test_auto_is_the_square_root(layers, segments):
    program = lower(Network(deep(layers - 1, GELU)))
    assert number_of_segments("auto", program) == segments
    assert number_of_segments(7, program) == 7


WIDTH, ROWS = 16, 1024


def peak(depth, segments):
    """Return the largest memory that a training step holds beyond what was there before it."""
    model = MLP([WIDTH] * depth + [2], activation="gelu", output="softmax", seed=0, num_threads=1)
    trainer = model.trainer(optimizer="sgd", checkpoint_segments=segments, on_nan="raise")
    x, t = np.zeros((ROWS, WIDTH), np.float32), np.zeros(ROWS, np.int64)
    trainer.step(x, t)  # what later steps use again
    tracemalloc.start()
    try:
        trainer.step(x, t)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@of_kernels
def test_the_memory_of_a_step_grows_as_the_square_root_of_the_depth():
    depths = np.array([16, 64, 144])
    everything = np.array([peak(depth, None) for depth in depths])
    few = np.array([peak(depth, "auto") for depth in depths])
    deeper = depths[1:] / depths[:-1]
    assert np.all(everything[1:] / everything[:-1] > 0.9 * deeper)
    assert np.all(few[1:] / few[:-1] < 1.05 * np.sqrt(deeper))
    # A step holds the results of √L layers and the records of √L, each of at most six arrays.
    result = ROWS * WIDTH * 4
    assert np.all(few < (1 + 6 + 1) * np.sqrt(depths) * result)
