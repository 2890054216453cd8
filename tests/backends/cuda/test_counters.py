"""What a forward pass, a training step and an epoch ask of the device, counted.

A launch is that of a kernel or a product of cuBLASLt.
"""

import os

import cupy
import numpy as np
import pytest

from mlpcore.model import MLP

NO_COPIES = (0, 0, 0)
SIZES = [130, 136, 140, 3]  # too many inputs for product and activation in one launch
NARROW = [5, 8, 7, 3]
FEW_INPUTS = [5, 136, 3]
LAYERS, ACTIVATED = 3, 2  # the last layer gives logits

# What is counted is the same for every name; at night it is seen to be.
NIGHT = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
ACTIVATIONS = ("relu", "tanh", "gelu", "mish") if NIGHT else ("tanh",)
OPTIMIZERS = ("sgd", "momentum", "nesterov", "adam") if NIGHT else ("sgd", "adam")


def network(activation="tanh", output="softmax", sizes=SIZES):
    return MLP(sizes, activation, output=output, device="cuda", seed=0)


def batch(rows, dtype="float32", sizes=SIZES):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(rows, sizes[0])).astype(dtype)
    return cupy.asarray(x), cupy.asarray(rng.integers(0, SIZES[-1], rows))


@pytest.mark.parametrize("rows", [1, 33, 200])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_forward_is_a_product_and_an_activation_for_each_layer(asked, activation, rows):
    model, (x, _) = network(activation), batch(rows)
    launches, copies, waits = asked(lambda: model.forward(x))
    assert launches <= LAYERS + ACTIVATED
    assert (copies, waits) == (NO_COPIES, 0)


@pytest.mark.parametrize("rows", [1, 33, 200])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_narrow_network_goes_forward_in_exactly_one_launch(asked, activation, rows):
    model, (x, _) = network(activation, "identity", NARROW), batch(rows, sizes=NARROW)
    for forward in (model.forward, model, model.freeze()):
        assert asked(lambda forward=forward: forward(x)) == (1, NO_COPIES, 0)


@pytest.mark.parametrize("rows", [1, 33, 200])
def test_a_layer_with_few_inputs_goes_forward_in_one_launch(asked, rows):
    model, (x, _) = network("mish", "identity", FEW_INPUTS), batch(rows, sizes=FEW_INPUTS)
    for forward in (model.forward, model, model.freeze()):
        assert asked(lambda forward=forward: forward(x)) == (2, NO_COPIES, 0)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_training_step_of_a_narrow_network_has_one_launch_for_the_way_forward(asked, optimizer):
    model, (x, t) = network(sizes=NARROW), batch(20, sizes=NARROW)
    trainer = model.trainer("cross_entropy", optimizer, lr=0.01)
    backward = 2 * LAYERS - 1 + ACTIVATED + LAYERS
    assert asked(lambda: trainer.step(x, t)) == (1 + 2 + backward + 1, NO_COPIES, 0)


@pytest.mark.parametrize(("output", "more"), [("identity", 0), ("softmax", 1), ("sigmoid", 1)])
def test_a_prediction_adds_one_launch_for_its_output(asked, output, more):
    model, (x, _) = network(output=output), batch(20)
    assert asked(lambda: model(x)) == (LAYERS + ACTIVATED + more, NO_COPIES, 0)
    frozen = model.freeze()
    assert asked(lambda: frozen(x)) == (LAYERS + ACTIVATED + more, NO_COPIES, 0)


@pytest.mark.parametrize("rows", [20, 64, 65, 150])
def test_backward_is_two_products_a_bias_and_a_derivative_for_each_layer(asked, rows):
    model, (x, _) = network(), batch(rows)
    z, cache = model.forward(x)
    sums = LAYERS * (1 if rows <= 64 else 2)  # db adds blocks of 64 rows, then the blocks
    launches = 2 * LAYERS + sums + ACTIVATED
    assert asked(lambda: model.backward(cache, z)) == (launches, NO_COPIES, 0)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("l2", [0.0, 1e-3])
@pytest.mark.parametrize("rows", [20, 150])
def test_a_training_step(asked, optimizer, l2, rows):
    model, (x, t) = network(), batch(rows)
    trainer = model.trainer("cross_entropy", optimizer, lr=0.01, l2=l2)
    forward = LAYERS + ACTIVATED
    loss = 2  # of each row, and their sum
    penalty = 2 if l2 else 0
    backward = 2 * LAYERS - 1 + ACTIVATED + LAYERS * (1 if rows <= 64 else 2)  # no dx of the input
    update = 1
    launches = forward + loss + penalty + backward + update
    assert asked(lambda: trainer.step(x, t)) == (launches, NO_COPIES, 0)
    J = trainer.step(x, t)
    assert isinstance(J, cupy.ndarray)
    assert J.shape == ()


@pytest.mark.parametrize(
    ("loss", "t"), [("mse", "values"), ("huber", "values"), ("binary_cross_entropy", "ones")]
)
def test_a_step_on_other_targets(asked, loss, t):
    output = "sigmoid" if t == "ones" else "identity"
    model, (x, _) = network(output=output), batch(20)
    target = cupy.ones((20, SIZES[-1]), cupy.float32)
    trainer = model.trainer(loss, "adam")
    launches, copies, waits = asked(lambda: trainer.step(x, target))
    assert launches == (LAYERS + ACTIVATED) + 2 + (2 * LAYERS - 1 + ACTIVATED + LAYERS) + 1
    assert (copies, waits) == (NO_COPIES, 0)


def test_a_step_with_sample_weights_neither_copies_nor_waits(asked):
    model, (x, t) = network(), batch(20)
    weights, trainer = cupy.ones(20, cupy.float32), model.trainer("cross_entropy", "adam")
    _, copies, waits = asked(lambda: trainer.step(x, t, weights))
    assert (copies, waits) == (NO_COPIES, 0)


def test_a_step_in_parts_neither_copies_nor_waits(asked):
    """With a loss of the user's own, which may look at the model in the middle of a step."""
    model, (x, _) = network(output="identity"), batch(20)
    t = cupy.ones((20, SIZES[-1]), cupy.float32)
    trainer = model.trainer(lambda z, t: (((z - t) ** 2).mean(), 2 * (z - t) / z.size), "adam")
    _, copies, waits = asked(lambda: trainer.step(x, t))
    assert (copies, waits) == (NO_COPIES, 0)


def with_layers(asked, work, **layers):
    """Return what `work` asks of a network with such layers beyond that of a plain one."""
    plain, layered = (
        asked(work(MLP(SIZES, "tanh", device="cuda", seed=0, **given))) for given in ({}, layers)
    )
    return layered[0] - plain[0], tuple(np.subtract(layered[1], plain[1])), layered[2] - plain[2]


def a_step(rows, **options):
    """Return what makes the step of a model."""
    x, t = batch(rows)

    def of(model):
        trainer = model.trainer("cross_entropy", "adam", **options)
        return lambda: trainer.step(x, t)

    return of


# The running statistics of all layers are copied as one, and that takes effect with the update.
ALL_STATISTICS = 1, (0, 0, 1)


@pytest.mark.parametrize("options", [{}, {"l1": 1e-3}], ids=["at once", "in parts"])
@pytest.mark.parametrize("rows", [20, 150])
def test_a_batch_norm_adds_two_launches_each_way_to_a_step(asked, rows, options):
    kept, copies = ALL_STATISTICS
    found = with_layers(asked, a_step(rows, **options), norm="batch")
    assert found == (ACTIVATED * (2 + 2) + kept, copies, 0)


@pytest.mark.parametrize("rows", [20, 150])
def test_a_layer_norm_adds_one_launch_forward_and_two_or_three_backward(asked, rows):
    found = with_layers(asked, a_step(rows), norm="layer")
    assert found == (ACTIVATED * (1 + (2 if rows <= 64 else 3)), NO_COPIES, 0)


def test_dropout_adds_one_launch_each_way_to_a_step(asked):
    assert with_layers(asked, a_step(20), dropout=0.2) == (ACTIVATED * 2, NO_COPIES, 0)


def test_noise_at_the_input_adds_one_launch_to_a_step(asked):
    assert with_layers(asked, a_step(20), input_noise=0.2) == (1, NO_COPIES, 0)


@pytest.mark.parametrize(("layers", "more"), [("batch", 0), ("layer", ACTIVATED)])
def test_a_batch_norm_adds_nothing_to_a_prediction(asked, layers, more):
    x, _ = batch(20)
    predicted = with_layers(asked, lambda model: lambda: model(x), norm=layers, dropout=0.2)
    assert predicted == (more, NO_COPIES, 0)


@pytest.mark.parametrize("layers", [{}, {"norm": "batch", "dropout": 0.2}, {"norm": "layer"}])
def test_a_step_takes_its_memory_from_the_pool(asked, double, layers):
    asked(a_step(150)(MLP(SIZES, "tanh", device="cuda", seed=0, **layers)))
    assert double.counters.allocations == 0


def test_value_and_grad_neither_copies_nor_waits(asked):
    model, (x, t) = network(), batch(20)
    _, copies, waits = asked(lambda: model.value_and_grad(x, t, l2=1e-3))
    assert (copies, waits) == (NO_COPIES, 0)


@pytest.mark.parametrize("epochs", [1, 2])
@pytest.mark.parametrize("l2", [0.0, 1e-3])
def test_an_epoch_brings_its_order_once_and_its_values_once(asked, epochs, l2):
    model, (x, t) = network(), batch(50)
    _, copies, waits = asked(lambda: model.fit(x, t, epochs=epochs, batch_size=8, l2=l2))
    once = 1 if l2 else 0  # where the weights lie that decay
    assert copies == (once + epochs, epochs, 0)
    assert waits == epochs


def test_validation_is_one_more_wait_an_epoch(asked):
    model, (x, t) = network(), batch(50)
    _, copies, waits = asked(
        lambda: model.fit(x, t, epochs=2, batch_size=16, validation_data=(x, t))
    )
    assert copies == (2, 4, 0)
    assert waits == 4
