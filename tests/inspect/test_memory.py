"""The bytes that are stated are those of the arrays that are there."""

import tracemalloc

import numpy as np
import pytest

from mlpcore import summary
from mlpcore.backends.base import Mode, Run, StageRecord
from mlpcore.backends.composed import compose
from mlpcore.inspect.memory import memory
from mlpcore.kernels.reference.operation import Operation, RandomKey, Scope
from mlpcore.kernels.reference.operations import Activation, BatchNorm, Dropout, LayerNorm
from mlpcore.model import MLP
from mlpcore.network import Dense, Network
from mlpcore.optim import optimizer

RELU, TANH, IDENTITY = Activation("relu"), Activation("tanh"), Activation("identity")
ROWS = 5

NETWORKS = {
    "relu": lambda **k: MLP([7, 6, 5, 3], **k),
    "one layer": lambda **k: MLP([7, 3], **k),
    "no bias": lambda **k: MLP([7, 6, 3], bias=False, **k),
    "identity": lambda **k: MLP([7, 6, 3], activation="identity", **k),
    "activation of the last layer": lambda **k: MLP([7, 6, 3], activation=["tanh", "gelu"], **k),
    "standardized": lambda **k: MLP([7, 6, 3], standardize=True, **k),
    "two activations in a row": lambda **k: MLP.from_network(
        Network((Dense(7, 6), TANH, RELU, Dense(6, 3))), **k
    ),
    "activations before the first layer": lambda **k: MLP.from_network(
        Network((TANH, RELU, Dense(7, 3))), **k
    ),
}


def recorded_bytes(cache):
    """Add up every array that the cache reaches, each once."""
    arrays = [cache.batch.rows]
    for record in cache.tape.records:
        arrays += [record.x, record.z, record.a]
        arrays += [saved for call in record.calls.values() for saved in call.saved.values()]
    return sum({id(array): array.nbytes for array in arrays}.values())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NETWORKS)
def test_training_activations_are_the_arrays_of_the_cache(name, dtype, device):
    model = NETWORKS[name](dtype=dtype, device=device, seed=0)
    _, cache = model.forward(np.ones((ROWS, 7)))
    found, recorded = memory(model._bound, ROWS).training_activations, recorded_bytes(cache)
    first = cache.tape.records[0]
    if name == "identity" and first.z is first.a:  # an engine may keep one array for both
        found -= first.a.nbytes
    assert found == recorded


LAYERS = {
    "batch norm": {"norm": "batch"},
    "layer norm": {"norm": "layer"},
    "dropout": {"dropout": 0.5},
    "dropout that drops nothing": {"dropout": 0.0},
    "norm and dropout": {"norm": "batch", "dropout": 0.5, "input_dropout": 0.1},
    "noise": {"input_noise": 0.1},
    "residual": {"residual": True, "dropout": 0.5},
}
NORM = BatchNorm()
BUILT = {
    "a norm of the input": (NORM, Dense(7, 3)),
    "a norm of what is kept already": (Dense(7, 6), TANH, LayerNorm(), Dense(6, 3)),
    "two norms in a row": (Dense(7, 6), NORM, LayerNorm(), TANH, Dense(6, 3)),
    "dropout before the activation": (Dense(7, 6), Dropout(0.5), TANH, Dense(6, 3)),
}


def records_layer_by_layer(bound, x):
    """Return what a training pass records where no engine fuses anything."""
    arithmetic = bound.plan(Mode.TRAINING).arithmetic
    chunk, xp = bound.plan(Mode.TRAINING).chunk, bound.backend.xp
    plan = compose(bound.program, (), xp, bound.dtype, Mode.TRAINING, chunk, arithmetic)
    run = Run(
        bound.parameters,
        {name: view.copy() for name, view in bound.state.views.items()},
        bound.state,
        training=True,
        records=[StageRecord() for _ in bound.program.stages],
        random=RandomKey(0, 1),
        settings=bound.settings,
    )
    with bound.backend.active():
        plan.forward(run, x)
    return run.records


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [*LAYERS, *BUILT])
def test_what_layers_save_in_training_is_all_counted(name, dtype, device):
    given = {"dtype": dtype, "device": device, "seed": 0}
    if name in BUILT:
        model = MLP.from_network(Network(BUILT[name]), **given)
    else:
        model = MLP([7, 6, 6, 3], "tanh", **LAYERS[name], **given)
    bound = model._bound
    x = bound.backend.xp.ones((ROWS, 7), dtype)
    arrays = [x]
    for record in records_layer_by_layer(bound, x):
        arrays += [record.x, record.z, record.a]
        arrays += [saved for call in record.calls.values() for saved in call.saved.values()]
    # The rows of a mask have a padding, which is there for as long as they are.
    arrays = [array.base if array.dtype == "uint8" else array for array in arrays]
    expected = sum({id(array): array.nbytes for array in arrays}.values())
    assert memory(bound, ROWS).training_activations == expected
    assert sum(layer.training_bytes for layer in summary(model, ROWS).layers) == expected - x.nbytes


def allocated(device):
    """Return the bytes that are in use for arrays of a device."""
    if device.startswith("cuda"):
        import cupy

        return cupy.get_default_memory_pool().used_bytes()
    return tracemalloc.get_traced_memory()[0]


@pytest.fixture
def _traced():
    tracemalloc.start()
    yield
    tracemalloc.stop()


def own_loss(z, t):
    return ((z - t) ** 2).mean(), 2 * (z - t) / z.size


@pytest.mark.usefixtures("_traced")
@pytest.mark.parametrize(
    ("name", "loss"), [("sgd", "mse"), ("momentum", "mse"), ("adam", "mse"), ("adam", own_loss)]
)
def test_training_keeps_the_buffers_that_are_stated(name, loss, device):
    """The vectors of the optimizer, and a gradient unless steps are fused with the update."""
    model = MLP([300, 500, 1], device=device, seed=0)
    x, t = np.ones((4, 300), np.float32), np.ones((4, 1), np.float32)
    # What a first step loads and packs is none of the trainer's.
    model.trainer(loss, optimizer=name).step(x, t)
    found = memory(model._bound, 4, optimizer(name))
    buffer = found.parameter_buffer
    assert buffer == model._bound.parameters.flat.nbytes
    stated = found.optimizer + (buffer if loss is own_loss else found.gradient)
    before = allocated(device)
    trainer = model.trainer(loss, optimizer=name)
    trainer.step(x, t)
    kept = allocated(device) - before
    # Beside them a trainer keeps the activations of its few rows, and small objects.
    assert stated <= kept < stated + buffer / 4


def test_without_an_optimizer_a_gradient_counts(device):
    found = memory(MLP([7, 6, 3], device=device, seed=0)._bound, ROWS)
    assert (found.gradient, found.optimizer) == (found.parameter_buffer, None)


def test_parameters_count_without_the_holes_between_them(device):
    model = MLP([7, 3], device=device, seed=0)
    found = memory(model._bound, 1)
    assert found.parameters == sum(v.nbytes for v in model.parameters().values()) == (21 + 3) * 4
    assert found.parameter_buffer == 128 + 64  # 84 and 12 bytes, each up to a multiple of 64


def test_a_standardisation_keeps_a_mean_and_a_scale(device):
    model = MLP([7, 3], standardize=True, dtype="float64", device=device, seed=0)
    assert memory(model._bound, 1).state == 2 * 7 * 8


def test_training_holds_all_of_it_together(device):
    model = MLP([7, 3], standardize=True, device=device, seed=0)
    found = memory(model._bound, 2, optimizer("adam"))
    activations = 2 * (7 + 7 + 3) * 4  # the input, the standardised input, z
    assert found.training == 192 + 2 * 7 * 4 + activations + found.gradient + 2 * 192
    unnamed = memory(model._bound, 2)
    assert unnamed.training == 192 + 2 * 7 * 4 + activations + 192
    assert found.optimizer == 2 * 192


def test_input_and_output_are_of_the_whole_batch(device):
    found = memory(MLP([7, 6, 3], device=device, seed=0)._bound, 100_000)
    assert (found.input, found.output) == (100_000 * 7 * 4, 100_000 * 3 * 4)


def test_prediction_holds_input_and_result_of_the_widest_layer(device):
    found = memory(MLP([7, 6, 3], device=device, seed=0)._bound, 2)
    assert found.prediction_activations == 2 * (7 + 6) * 4


def test_prediction_holds_no_more_however_long_the_batch(device):
    model = MLP([7, 6, 3], device=device, seed=0)
    longer, longest = memory(model._bound, 10**5), memory(model._bound, 10**6)
    assert longer.prediction_activations == longest.prediction_activations
    assert longer.prediction_rows == longest.prediction_rows < 10**5


class Shortcut(Operation):
    """Adds the result of layer 0."""

    kind = "shortcut"

    def scope(self, training):
        return Scope.TILE

    def sources(self, stage):
        return (0,)

    def forward(self, call, x):
        return x + call.sources[0]

    def backward(self, call, dy):
        call.source_gradients.append(dy)
        return dy


class WholeBatch(Shortcut):
    """Subtracts the mean of the batch."""

    def scope(self, training):
        return Scope.BATCH

    def sources(self, stage):
        return ()

    def forward(self, call, x):
        return x - call.xp.mean(x, axis=0)


def test_a_result_that_is_read_again_stays(device):
    layers = (Dense(2, 4), Dense(4, 8), Dense(8, 4), Shortcut())
    without = MLP.from_network(Network(layers[:-1]), device=device, seed=0)
    with_shortcut = MLP.from_network(Network(layers), device=device, seed=0)
    assert memory(without._bound, 1).prediction_activations == (4 + 8) * 4
    assert memory(with_shortcut._bound, 1).prediction_activations == (4 + 8 + 4) * 4


def test_an_operation_on_the_whole_batch_holds_the_whole_batch(device):
    model = MLP.from_network(Network((Dense(2, 4), WholeBatch())), device=device, seed=0)
    assert memory(model._bound, 10**6).prediction_rows == 10**6
