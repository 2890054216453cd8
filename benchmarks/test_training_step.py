"""One training step, from forward pass to update, on the grid, beside plain NumPy."""

import math

import pytest
from grid_plan import BATCH_SIZES, NETWORKS

from mlpcore.bench import Spec, find_contenders
from mlpcore.bench.flops import flops_per_sample
from mlpcore.bench.spec import STEADY_RATE, draw_batch, draw_parameters


@pytest.mark.parametrize("name", ["mlpcore", "numpy"])
@pytest.mark.parametrize("batch_size", BATCH_SIZES[:-2])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("layers", NETWORKS.values(), ids=lambda layers: "-".join(map(str, layers)))
def test_training_step(benchmark, layers, optimizer, batch_size, name):
    spec = Spec(layers, mode="training", optimizer=optimizer, learning_rate=STEADY_RATE)
    (contender,) = find_contenders([name])
    step = contender.prepare_training(spec, draw_parameters(spec), batch_size)
    x, t = draw_batch(spec, batch_size)
    benchmark.group = f"{optimizer}, {'-'.join(map(str, layers))}, batch {batch_size}"
    benchmark.extra_info["flops"] = batch_size * flops_per_sample(layers, "training")
    assert math.isfinite(benchmark(step, x, t))
