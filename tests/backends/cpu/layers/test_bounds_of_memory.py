"""Memory that may not be touched surrounds every array of a layer, on every instruction set."""

from types import SimpleNamespace

import numpy as np
import pytest
from support.edges import CAN_PROTECT, at_the_edge

from mlpcore.backends.cpu.layers import batch_norm, dropout, gaussian_noise, layer_norm
from mlpcore.backends.cpu.library import library
from mlpcore.kernels.cpu.codegen.instruction_set import supported
from mlpcore.kernels.reference.operation import Call, RandomKey
from mlpcore.kernels.reference.operations import BatchNorm, Dropout, GaussianNoise, LayerNorm

ISAS = supported()

pytestmark = [
    pytest.mark.skipif(not ISAS, reason="this processor has no fused multiply-add"),
    pytest.mark.skipif(not CAN_PROTECT, reason="there is no mprotect"),
]

LAYERS = {
    "dropout": (dropout.DropoutKernels, Dropout(0.3), "layer.dropout"),
    "noise": (gaussian_noise.GaussianNoiseKernels, GaussianNoise(0.5), "normal_numbers"),
    "batch norm": (batch_norm.BatchNormKernels, BatchNorm(), "layer.batch_norm"),
    "layer norm": (layer_norm.LayerNormKernels, LayerNorm(), "layer.layer_norm"),
}
FEATURES = (1, 2, 5, 16, 31, 33, 64, 67, 129)
ROWS = (2, 3, 64, 67)


@pytest.fixture
def fenced(monkeypatch):
    """Let the arrays that the layers make for results end where memory may not be touched."""

    def empty(shape, dtype=float):
        return at_the_edge(np.full(shape, 7, dtype))

    fences = SimpleNamespace(
        empty=empty,
        empty_like=lambda x: empty(x.shape, x.dtype),
        array=np.array,
        uint8=np.uint8,
    )
    for module in (batch_norm, dropout, gaussian_noise, layer_norm):
        monkeypatch.setattr(module, "np", fences)


def outcome(kernels, operation, rows, features, dtype, *, training, front):
    """Return the bytes of all that a layer gives and writes, its arrays being fenced."""
    rng = np.random.default_rng(features)

    def fence(values):
        return at_the_edge(values.astype(dtype), front=front)

    def named(shapes, low):
        return {own.name: fence(rng.uniform(low, 2, own.shape)) for own in shapes}

    parameters, state = (
        named(operation.parameters(features), -2),
        named(operation.state(features), 0.5),
    )
    gradients = {name: fence(np.full_like(array, np.nan)) for name, array in parameters.items()}
    key = RandomKey(2**64 - 1, 7, 3, 40) if training else None
    call = Call(np, parameters, gradients, state, training=training, random=key, saved={})
    y = kernels.forward(call, fence(rng.normal(3, 2, (rows, features))))
    dx = kernels.backward(call, fence(rng.normal(0, 2, (rows, features))))
    return b"".join(array.tobytes() for array in (y, dx, *gradients.values(), *state.values()))


@pytest.mark.usefixtures("fenced")
@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nothing_beyond_an_array_is_touched_and_all_sets_give_the_same_bits(layer, dtype):
    cls, operation, unit = layer
    kernels = [
        cls(operation, np.dtype(dtype), library(isa, cls.kernel_dtype or dtype).kernels(unit))
        for isa in ISAS
    ]
    for features in FEATURES:
        for rows in ROWS:
            for training in (True, False):
                for front in (True, False):
                    case = {"training": training, "front": front}
                    found = {
                        outcome(one, operation, rows, features, dtype, **case) for one in kernels
                    }
                    assert len(found) == 1, (rows, features, case)
