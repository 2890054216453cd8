"""One training step, from forward pass to SGD, by batch size, beside plain NumPy."""

import math

import pytest

from mlpcore.bench import CONTENDERS, Spec
from mlpcore.bench.flops import flops_per_sample
from mlpcore.bench.spec import draw_batch, draw_parameters

SPEC = Spec((784, 512, 256, 128, 64, 10), mode="training")


@pytest.mark.parametrize("contender", ["mlpcore", "numpy"])
@pytest.mark.parametrize("batch_size", [1, 8, 32, 128, 512])
def test_training_step(benchmark, batch_size, contender):
    step = CONTENDERS[contender]().prepare_training(SPEC, draw_parameters(SPEC))
    x, t = draw_batch(SPEC, batch_size)
    benchmark.group = f"training step, batch {batch_size}"
    benchmark.extra_info["flops"] = batch_size * flops_per_sample(SPEC.layers, "training")
    assert math.isfinite(benchmark(step, x, t))
