"""The formula counts the multiplications that really happen."""

from itertools import pairwise
from types import ModuleType

import numpy as np
import pytest

from mlpcore.backends import arithmetic
from mlpcore.backends.base import Mode, Run, StageRecord
from mlpcore.backends.composed import compose
from mlpcore.inspect import inference_flops, training_flops
from mlpcore.model import MLP

SIZES = [7, 5, 6, 3]
ROWS = 4


@pytest.fixture
def counted(monkeypatch):
    """Twice the multiplications of each product that the reference computes."""
    counts = []

    def counting(name, shape):
        product = getattr(arithmetic, name)

        def wrapped(*arguments):
            shapes = [a.shape for a in arguments if not isinstance(a, ModuleType)]
            counts.append(2 * int(np.prod(shape(*shapes))))
            return product(*arguments)

        monkeypatch.setattr(arithmetic, name, wrapped)

    # Of an (a, k) by (k, b) product the a * b results have k multiplications each.
    counting("product", lambda x, W: (*x, W[0]))
    counting("product_input_gradient", lambda dz, W: (*dz, W[1]))
    counting("product_weight_gradient", lambda dz, x, out: (*dz, x[1]))
    return counts


def passes(mode, need_dx=False):
    """Run the reference over the network forward, and in training backward."""
    bound = MLP(SIZES, seed=0, device="cpu")._bound
    plan = compose(bound.program, (), np, bound.dtype, mode, 1024)
    run = Run(
        bound.parameters,
        bound.state.views,
        bound.state,
        training=mode is Mode.TRAINING,
        records=[StageRecord() for _ in bound.program.stages],
        gradients=bound.parameters.layout.views(bound.gradient()),
        need_dx=need_dx,
    )
    z = plan.forward(run, np.ones((ROWS, SIZES[0]), dtype=np.float32))
    if mode is not Mode.INFERENCE:
        plan.backward(run, z)


def test_inference_has_one_product_in_each_layer(counted):
    passes(Mode.INFERENCE)
    assert sum(counted) == inference_flops(pairwise(SIZES), ROWS)


def test_training_has_three_but_in_the_first_layer_two(counted):
    passes(Mode.TRAINING)
    assert sum(counted) == training_flops(pairwise(SIZES), ROWS)


def test_the_gradient_of_the_input_is_the_third_of_the_first_layer(counted):
    passes(Mode.TRAINING, need_dx=True)
    assert sum(counted) == training_flops(pairwise(SIZES), ROWS, input_gradient=True)
    assert sum(counted) == 3 * inference_flops(pairwise(SIZES), ROWS)


def test_flops_are_proportional_to_the_rows():
    assert inference_flops([(3, 2)], 0) == 0
    assert inference_flops([(3, 2)], 10) == 10 * inference_flops([(3, 2)]) == 120


def test_a_network_of_one_layer_has_no_input_gradient_to_propagate():
    assert training_flops([(3, 2)]) == 2 * inference_flops([(3, 2)])
