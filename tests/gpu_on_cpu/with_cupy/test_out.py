"""out= and freeze() of a model on the GPU, with arrays on either side of the bus."""

import pickle

import cupy
import numpy as np
import pytest

from mlpcore import MLP

X = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    return MLP([4, 6, 3], "tanh", "softmax", device="cuda", seed=0)


@pytest.mark.parametrize("xp", [np, cupy])
@pytest.mark.parametrize("frozen", [False, True])
def test_the_result_is_written_to_an_array_of_the_kind_of_x(model, xp, frozen):
    predict = model.freeze() if frozen else model
    x, out = xp.asarray(X), xp.zeros((5, 3), dtype=xp.float32)
    assert predict(x, out=out) is out
    assert (out == predict(x)).all()
    assert model.predict(x, batch_size=2, out=out) is out


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        (np.zeros((5, 3), np.float32), TypeError, "must be a cupy .* got ndarray"),
        (cupy.zeros((5, 3)), TypeError, "float32; got float64"),
        (cupy.zeros((4, 3), cupy.float32), ValueError, r"got \(4, 3\)"),
        (cupy.zeros((5, 6), cupy.float32)[:, ::2], ValueError, "row after row"),
    ],
)
def test_what_does_not_fit_is_refused(model, out, error, message):
    with pytest.raises(error, match=message):
        model(cupy.asarray(X), out=out)


def test_memory_of_x_is_refused(model):
    memory = cupy.zeros(20, cupy.float32)
    with pytest.raises(ValueError, match="out shares memory with x"):
        model(memory.reshape(5, 4), out=memory[:15].reshape(5, 3))


def test_a_frozen_predictor_stays_on_its_device(model):
    frozen = model.freeze()
    again = pickle.loads(pickle.dumps(frozen))
    assert str(frozen.device) == str(again.device) == "cuda:0"
    assert (again(X) == frozen(X)).all()
    with pytest.raises(RuntimeError, match="it is on cuda:0"):
        frozen.jit_function()


def test_warming_up_leaves_the_model_as_it_is(model):
    before = model.copy()
    model.warmup(2)
    assert model.equals(before)
