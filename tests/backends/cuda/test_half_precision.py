"""Half precision in the memory of a GPU is taken to the model's dtype; bfloat16 is refused."""

import cupy
import ml_dtypes
import numpy as np
import pytest

from mlpcore.model import MLP

X = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float16)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_float16_gives_what_the_same_numbers_give(dtype):
    model = MLP([4, 5, 3], "tanh", output="softmax", dtype=dtype, device="cuda", seed=0)
    there, expected = cupy.asarray(X), model(cupy.asarray(X.astype(dtype))).get()
    for predict in (model, model.freeze()):
        y = predict(there)
        assert y.dtype == dtype
        np.testing.assert_array_equal(y.get(), expected)
    np.testing.assert_array_equal(model(X), expected)


def test_training_on_float16_takes_the_steps_of_the_same_numbers():
    t = np.arange(6) % 3
    half, single = (MLP([4, 5, 3], output="softmax", device="cuda", seed=0) for _ in range(2))
    steps = [
        model.trainer("cross_entropy", "sgd", lr=0.1).step(cupy.asarray(x), cupy.asarray(t))
        for model, x in ((half, X), (single, X.astype(np.float32)))
    ]
    assert float(steps[0]) == float(steps[1])
    assert half.equals(single)


@pytest.mark.parametrize("place", [np.asarray, cupy.asarray], ids=["host", "device"])
def test_bfloat16_is_refused_with_advice(place):
    model = MLP([4, 5, 3], device="cuda", seed=0)
    x = place(X.astype(ml_dtypes.bfloat16))
    with pytest.raises(TypeError, match="dtype bfloat16; convert it to float32 first"):
        model(x)
