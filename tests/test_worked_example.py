"""A network small enough to be computed by hand: 2-3-2-1 with ReLU, ReLU and sigmoid."""

import numpy as np
import pytest

from mlpcore import MLP
from mlpcore import functional as F

WEIGHTS = [
    np.array([[1.0, 0.0], [0.0, 2.0], [-1.0, 1.0]]),
    np.array([[1.0, -1.0, 5.0], [0.0, 1.0, 7.0]]),
    np.array([[1.0, 1.0]]),
]
BIASES = [np.zeros(3), np.zeros(2), np.zeros(1)]
X = np.array([3.0, 1.0])


def test_by_hand():
    # Layer 1: z = (1*3 + 0*1, 0*3 + 2*1, -1*3 + 1*1) = (3, 2, -2); ReLU turns the third neuron off.
    # Layer 2: z = (1*3 - 1*2 + 5*0, 0*3 + 1*2 + 7*0) = (1, 2); both stay.
    # Layer 3: z = 1*1 + 1*2 = 3; sigmoid(3) = 1 / (1 + e^-3) = 0.9526.
    model = MLP([2, 3, 2, 1], activation="relu", output="sigmoid", dtype="float64", seed=0)
    model.set_parameters(
        {f"layers.{i}.weight": W for i, W in enumerate(WEIGHTS)}
        | {f"layers.{i}.bias": b for i, b in enumerate(BIASES)}
    )
    z, cache = model.forward(X)
    assert cache.layers[0].z.tolist() == [3, 2, -2]
    assert cache.layers[0].a.tolist() == [3, 2, 0]
    assert cache.layers[1].z.tolist() == [1, 2]
    assert cache.layers[1].a.tolist() == [1, 2]
    assert z.tolist() == [3]
    assert model(X)[0] == pytest.approx(0.9526, abs=5e-5)

    # Backward from dz = 1: layer 3 passes (1, 1) on; layer 2 passes 1*(1, -1, 5) + 1*(0, 1, 7)
    # = (1, 0, 12), of which the third stops at the neuron that is off; so dx = 1*(1, 0) = (1, 0).
    grads = model.backward(cache, np.array([1.0]), intermediates=True)
    assert grads.layers[2].weight.tolist() == [[1, 2]]
    assert grads.layers[1].dz.tolist() == [1, 1]
    assert grads.layers[1].weight.tolist() == [[3, 2, 0], [3, 2, 0]]
    assert grads.layers[0].da.tolist() == [1, 0, 12]
    assert grads.layers[0].dz.tolist() == [1, 0, 0]
    assert grads.layers[0].weight.tolist() == [[3, 1], [0, 0], [0, 0]]
    assert grads.input.tolist() == [1, 0]


def test_the_same_by_the_functions():
    y, cache = F.forward_propagation(X, WEIGHTS, BIASES, ["relu", "relu", "sigmoid"])
    assert y[0] == pytest.approx(0.9526, abs=5e-5)
    assert cache.z[0].tolist() == [3, 2, -2]
    assert cache.z[2].tolist() == [3]
