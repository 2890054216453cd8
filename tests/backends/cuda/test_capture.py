"""A step asks for nothing that cannot be recorded in a CUDA graph, once its memory is there."""

import cupy
import numpy as np
import pytest

from mlpcore.model import MLP


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("l2", [0.0, 1e-3])
def test_a_training_step_can_be_captured(double, optimizer, l2):
    model = MLP([5, 8, 3], "tanh", output="softmax", device="cuda", seed=0)
    trainer = model.trainer("cross_entropy", optimizer, lr=0.01, l2=l2)
    x, t = cupy.ones((70, 5), cupy.float32), cupy.zeros(70, cupy.int64)
    for _ in range(2):
        trainer.step(x, t)
    before = model._bound.values()
    with double.capturing():
        trainer.step(x, t)
    after = model._bound.values()
    assert any((after[name] != before[name]).any() for name in before)


def test_a_prediction_can_be_captured(double):
    model = MLP([5, 8, 3], output="softmax", device="cuda", seed=0)
    x = cupy.ones((70, 5), cupy.float32)
    expected = model(x).get()
    with double.capturing():
        y = model(x)
    np.testing.assert_array_equal(y.get(), expected)


def test_what_waits_is_noticed(double):
    """That the tests above can fail."""
    x = cupy.ones(3)
    with double.capturing(), pytest.raises(RuntimeError, match="captur"):
        x.get()
    with double.capturing(), pytest.raises(RuntimeError, match="graph"):
        cupy.cuda.MemoryPool().malloc(1 << 20)
