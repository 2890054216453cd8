"""freeze(): a predictor that nothing changes."""

import copy
import os
import pickle
import threading

import numpy as np
import pytest

from mlpcore import MLP, FrozenPredictor
from mlpcore.backends.cpu import compiled as kernels

ROWS = [1, 2, 7, 16, 33, 49, 200]


def numbers(*shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


@pytest.fixture
def model():
    made = MLP([5, 16, 12, 3], "tanh", "softmax", standardize=True, seed=0)
    made.adapt(2 * numbers(50, 5) + 1)
    return made


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("output", ["identity", "softmax", "sigmoid", "log_softmax"])
@pytest.mark.parametrize("standardize", [False, True])
def test_it_predicts_the_bits_of_the_model(dtype, output, standardize):
    model = MLP([5, 16, 3], "gelu", output, standardize=standardize, dtype=dtype, seed=1)
    frozen = model.freeze()
    for rows in ROWS:
        x = numbers(rows, 5, dtype=dtype)
        np.testing.assert_array_equal(frozen(x), model(x))
        np.testing.assert_array_equal(frozen(x[0]), model(x)[0])


def test_it_keeps_its_values_while_the_model_changes(model):
    x, t = numbers(40, 5), np.arange(40) % 3
    frozen, expected = model.freeze(), model(x)
    model.fit(x, t, epochs=2)
    np.testing.assert_array_equal(frozen(x), expected)
    model.parameters()["layers.0.bias"][...] = 3
    model.adapt(x)
    np.testing.assert_array_equal(frozen(x), expected)
    assert (model(x) != expected).any()
    np.testing.assert_array_equal(model.freeze()(x), model(x))


def test_it_takes_every_input_that_the_model_takes(model):
    x, frozen = numbers(6, 5), model.freeze()
    misaligned = np.frombuffer(b"0" + x.tobytes(), np.uint8)[1:].view(np.float32).reshape(6, 5)
    for other in (
        x.astype(np.float64),
        np.asfortranarray(x),
        x[::-1][::-1],
        numbers(12, 5)[::2],
        x.tolist(),
        x.reshape(2, 3, 5),
        x[:0],
        misaligned,
        x.astype(">f4"),
    ):
        found = frozen(other)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, model(other))


@pytest.mark.parametrize(
    ("x", "error"),
    [
        (np.zeros((2, 4), np.float32), ValueError),
        (np.float32(1), ValueError),
        (np.zeros((2, 5), complex), TypeError),
        (["a"] * 5, TypeError),
        (np.ma.zeros((2, 5), np.float32), TypeError),
    ],
)
def test_it_refuses_what_the_model_refuses_in_the_same_words(model, x, error):
    with pytest.raises(error) as of_the_model:
        model(x)
    with pytest.raises(error) as of_the_frozen:
        model.freeze()(x)
    assert str(of_the_frozen.value) == str(of_the_model.value)


def test_its_description_is_the_models(model):
    model.num_threads = 2
    frozen = model.freeze()
    assert frozen.network == model.network
    assert frozen.dtype == model.dtype
    assert frozen.device == model.device
    assert frozen.num_threads == 2
    assert repr(frozen) == repr(model).replace("MLP", "FrozenPredictor")


@pytest.mark.parametrize("name", ["network", "dtype", "device", "num_threads", "anything"])
def test_nothing_can_be_set(model, name):
    with pytest.raises(AttributeError):
        setattr(model.freeze(), name, None)


def test_pickling_keeps_the_bits_and_copying_is_needless(model):
    x, frozen = numbers(9, 5), model.freeze()
    again = pickle.loads(pickle.dumps(frozen))
    assert type(again) is FrozenPredictor
    np.testing.assert_array_equal(again(x), frozen(x))
    assert copy.copy(frozen) is copy.deepcopy(frozen) is frozen


def test_it_works_without_kernels(monkeypatch):
    model = MLP([5, 8, 3], "relu", "softmax", seed=0)
    x = numbers(6, 5)
    expected = model(x)
    monkeypatch.setattr("mlpcore.backends.cpu.engine.compiled", lambda *_: None)
    frozen = MLP([5, 8, 3], "relu", "softmax", seed=0).freeze()
    np.testing.assert_allclose(frozen(x), expected, rtol=1e-5)
    with pytest.raises(RuntimeError, match="no function for Numba: "):
        frozen.jit_function()


def test_a_function_of_the_users_own_is_frozen_too():
    model = MLP([5, 8, 3], (np.sin, np.cos), seed=0)
    x = numbers(6, 5)
    np.testing.assert_array_equal(model.freeze()(x), model(x))
    if kernels.why_not() is None:
        with pytest.raises(RuntimeError, match="an activation, but not sin"):
            model.freeze().jit_function()


def test_threads_share_one(model):
    """Eight of them, each with batches of its own, some of which use more threads by themselves."""
    model.num_threads = 2
    frozen = model.freeze()
    x = numbers(20_000, 5)
    expected = model(x)
    wrong = []

    def work(seed):
        rng = np.random.default_rng(seed)
        for _ in range(60):
            rows = int(rng.choice([1, 3, 20, 100, 5000]))
            start = int(rng.integers(0, len(x) - rows))
            part = slice(start, start + rows)
            out = np.empty((rows, 3), np.float32)
            frozen(x[part], out=out)
            if (out != expected[part]).any() or (frozen(x[part]) != expected[part]).any():
                wrong.append((seed, part))

    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("used_before", [False, True])
def test_a_forked_child_predicts_the_same(model, used_before):
    x = numbers(3000, 5)
    model.num_threads = 2
    frozen, expected = model.freeze(), model(x)
    if used_before:
        frozen(x)
        frozen(x[:1])
    child = os.fork()
    if child == 0:
        same = all((frozen(x[:rows]) == expected[:rows]).all() for rows in (1, 30, 3000))
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0
    np.testing.assert_array_equal(frozen(x), expected)


def test_shapes_beyond_those_that_are_remembered_come_out_right(model):
    frozen = model.freeze()
    x = numbers(600, 5)
    expected = model(x)
    for rows in [*range(1, 600), 3, 2, 1]:
        np.testing.assert_array_equal(frozen(x[:rows]), expected[:rows])
