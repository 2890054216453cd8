"""After warmup() no step loads a kernel, whatever its targets, its layers and its penalty."""

import cupy
import numpy as np
import pytest

from mlpcore import MLP
from mlpcore.kernels.cuda import compiler

ROWS, INPUTS, CLASSES = 40, 6, 3
LAYERS = {
    "plain": {},
    "batch norm and dropout": {"norm": "batch", "dropout": 0.5},
    "layer norm and noise": {"norm": "layer", "input_noise": 0.1},
}


@pytest.fixture
def model(request):
    """A model whose kernels nobody has loaded before."""
    compiler._function.cache_clear()
    options = LAYERS[request.param]
    return MLP([INPUTS, 8, 8, CLASSES], "elu", "softmax", device="cuda", seed=0, **options)


def batch():
    rng = np.random.default_rng(1)
    labels = cupy.asarray(rng.integers(0, CLASSES, ROWS))
    x = cupy.asarray(rng.normal(size=(ROWS, INPUTS)).astype(np.float32))
    return x, labels, cupy.eye(CLASSES, dtype=np.float32)[labels]


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
@pytest.mark.parametrize("model", LAYERS, indirect=True)
def test_no_step_loads_a_kernel(double, model, optimizer):
    x, labels, shares = batch()
    double.reset_counters()
    model.warmup(ROWS, optimizer=optimizer)
    assert double.counters.modules > 0
    double.reset_counters()
    for l2 in (0.0, 0.1):
        for t in (labels, shares):
            model.trainer(optimizer=optimizer, l2=l2).step(x, t)
    model(x)
    assert double.counters.modules == 0


@pytest.mark.parametrize("model", ["plain"], indirect=True)
def test_it_holds_no_memory_and_leaves_the_model_as_it_is(double, model):
    before = model.copy()
    model.warmup(ROWS)
    held = cupy.get_default_memory_pool().used_bytes()
    model.warmup(ROWS)
    assert cupy.get_default_memory_pool().used_bytes() == held
    assert model.equals(before)
