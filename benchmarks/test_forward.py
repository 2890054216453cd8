"""The forward pass by batch size, beside plain NumPy."""

import pytest

from mlpcore.bench import CONTENDERS, Spec
from mlpcore.bench.flops import flops_per_sample
from mlpcore.bench.spec import draw_batch, draw_parameters

SPEC = Spec((784, 512, 256, 128, 64, 10))


@pytest.mark.parametrize("contender", ["mlpcore", "numpy"])
@pytest.mark.parametrize("batch_size", [1, 8, 32, 128, 512, 2048])
def test_forward(benchmark, batch_size, contender):
    forward = CONTENDERS[contender]().prepare(SPEC, draw_parameters(SPEC))
    x, _ = draw_batch(SPEC, batch_size)
    benchmark.group = f"forward, batch {batch_size}"
    benchmark.extra_info["flops"] = batch_size * flops_per_sample(SPEC.layers)
    assert benchmark(forward, x).shape == (batch_size, 10)
