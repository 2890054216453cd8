"""Forward, backward and training steps agree with plain float64 NumPy, on the device under test."""

import numpy as np
import pytest
from support import plain

from mlpcore.model import MLP

BOUND = {"float32": 2e-5, "float64": 1e-12}


def parameters(model):
    """Return weights and biases as host arrays."""
    values = model._bound.values()
    layers = range(len(model.network.dense))
    return (
        [values[f"layers.{i}.weight"] for i in layers],
        [values[f"layers.{i}.bias"] for i in layers],
    )


def close(found, expected, dtype):
    scale = max(1.0, np.abs(expected).max(initial=0.0))
    np.testing.assert_allclose(found, expected, rtol=0, atol=BOUND[dtype] * scale)


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return request.param


@pytest.mark.parametrize("sizes", [[5, 3], [7, 1], [1, 4, 1], [6, 5, 4, 3], [13, 17, 11]])
@pytest.mark.parametrize("rows", [1, 2, 33])
def test_forward_and_backward(device, dtype, sizes, rows):
    model = MLP(sizes, device=device, dtype=dtype, seed=1)
    rng = np.random.default_rng(2)
    x = rng.normal(size=(rows, sizes[0])).astype(dtype)
    dz = rng.normal(size=(rows, sizes[-1])).astype(dtype)
    W, b = parameters(model)
    zs, activations = plain.forward(x, W, b)
    dW, db, dx = plain.backward(dz.astype(np.float64), W, zs, activations)

    z, cache = model.forward(x)
    grads = model.backward(cache, dz)

    assert isinstance(z, np.ndarray)
    assert z.dtype == dtype
    close(z, zs[-1], dtype)
    for layer, cached in enumerate(cache.layers):
        close(cached.z, zs[layer], dtype)
        close(cached.a, activations[layer + 1], dtype)
    for layer, gradient in enumerate(grads.layers):
        close(gradient.weight, dW[layer], dtype)
        close(gradient.bias, db[layer], dtype)
    close(grads.input, dx, dtype)


def test_a_training_step_is_the_one_written_out(device, dtype):
    model = MLP([6, 5, 3], output="softmax", device=device, dtype=dtype, seed=3)
    rng = np.random.default_rng(4)
    x = rng.normal(size=(21, 6)).astype(dtype)
    t = rng.integers(0, 3, 21)
    W, b = parameters(model)
    zs, activations = plain.forward(x, W, b)
    loss, dz = plain.cross_entropy(zs[-1], t)
    dW, db, _ = plain.backward(dz, W, zs, activations)

    found = model.trainer("cross_entropy", "sgd", lr=0.5).step(x, t)

    close(float(found), np.asarray(loss), dtype)
    stepped_W, stepped_b = parameters(model)
    for layer in range(2):
        close(stepped_W[layer], W[layer] - 0.5 * dW[layer], dtype)
        close(stepped_b[layer], b[layer] - 0.5 * db[layer], dtype)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "adam"])
def test_ten_steps_on_this_device_are_ten_steps_on_the_cpu(device, optimizer):
    here = MLP([8, 16, 4], output="softmax", device=device, dtype="float64", seed=5)
    host = here.to("cpu")
    rng = np.random.default_rng(6)
    steps = [model.trainer("cross_entropy", optimizer, lr=0.01, l2=1e-3) for model in (here, host)]
    for _ in range(10):
        x, t = rng.normal(size=(32, 8)), rng.integers(0, 4, 32)
        first, second = (trainer.step(x, t) for trainer in steps)
        assert float(first) == pytest.approx(float(second), rel=1e-6)
    for name, value in here._bound.values().items():
        np.testing.assert_allclose(value, host._bound.values()[name], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("output", ["identity", "softmax", "sigmoid", "log_softmax"])
def test_calling_a_model_applies_its_output_to_the_logits(device, output):
    model = MLP([4, 6, 3], output=output, device=device, dtype="float64", seed=7)
    x = np.random.default_rng(8).normal(size=(9, 4)) * 50
    z = model.forward(x, cache=False)
    e = np.exp(z - z.max(axis=1, keepdims=True))
    softmax = e / e.sum(axis=1, keepdims=True)
    expected = {
        "identity": z,
        "softmax": softmax,
        "sigmoid": 1 / (1 + np.exp(-np.clip(z, -700, 700))),
        "log_softmax": z - z.max(axis=1, keepdims=True) - np.log(e.sum(axis=1, keepdims=True)),
    }[output]
    # The logarithm of a probability near 1 is near 0: its error is one of rounding 1.
    absolute = 1e-15 if output == "log_softmax" else 1e-300
    np.testing.assert_allclose(model(x), expected, rtol=1e-12, atol=absolute)


def test_numpy_in_gives_numpy_out_in_every_result(device):
    model = MLP([4, 3, 2], output="softmax", device=device, seed=0)
    x, t = np.ones((5, 4), dtype=np.float32), np.zeros(5, dtype=np.int64)
    z, cache = model.forward(x)
    grads = model.backward(cache, np.ones_like(z), intermediates=True)
    objective, more = model.value_and_grad(x, t, l2=0.1, input_gradient=True)
    arrays = [model(x), model.predict(x), z, cache.x, cache.layers[0].z, cache.layers[1].a]
    arrays += [grads.flat, grads.input, grads["layers.0.weight"], grads.layers[1].bias]
    arrays += [grads.layers[0].dz, grads.layers[0].da, more.input, *model.features(x).values()]
    assert {type(array) for array in arrays} == {np.ndarray}
    assert isinstance(np.asarray(objective), np.ndarray)


def test_a_written_parameter_is_seen_by_the_next_call(device):
    model = MLP([3, 2], device=device, dtype="float64", seed=0)
    views = model.parameters()
    views["layers.0.weight"][...] = 2
    views["layers.0.bias"][...] = 1
    np.testing.assert_array_equal(model(np.ones((1, 3))), [[7, 7]])
    views["layers.0.bias"][1] = 5
    np.testing.assert_array_equal(model(np.ones((1, 3))), [[7, 11]])


def test_an_empty_batch_goes_through(device):
    model = MLP([4, 3, 2], output="softmax", device=device, seed=0)
    z, cache = model.forward(np.empty((0, 4)))
    grads = model.backward(cache, z)
    assert model(np.empty((0, 4))).shape == (0, 2)
    assert grads.input.shape == (0, 4)
    assert not grads.flat.any()


def test_training_lowers_the_loss_and_is_the_same_twice(device):
    rng = np.random.default_rng(9)
    x = rng.normal(size=(60, 5))
    t = (x[:, 0] > 0).astype(np.int64)
    histories, models = [], []
    for _ in range(2):
        model = MLP([5, 8, 2], output="softmax", device=device, dtype="float64", seed=10)
        histories.append(model.fit(x, t, epochs=4, batch_size=16, lr=0.02)["loss"])
        models.append(model)
    assert histories[0] == histories[1]
    assert models[0].equals(models[1])
    assert histories[0][-1] < 0.8 * histories[0][0]


def test_a_model_moves_to_the_cpu_and_back_with_its_bits(device, tmp_path):
    model = MLP([4, 6, 2], device=device, seed=11)
    there = model.to("cpu")
    assert there.equals(model)
    assert there.to(device).equals(model)
    model.save(tmp_path / "model.safetensors")
    assert MLP.load(tmp_path / "model.safetensors", device=device).equals(model)
