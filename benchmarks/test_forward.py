"""The forward pass on the grid, beside plain NumPy."""

import pytest
from grid_plan import BATCH_SIZES, NETWORKS

from mlpcore.bench import Spec, find_contenders
from mlpcore.bench.flops import flops_per_sample
from mlpcore.bench.spec import draw_batch, draw_parameters


@pytest.mark.parametrize("name", ["mlpcore", "mlpcore-frozen", "numpy"])
@pytest.mark.parametrize("batch_size", BATCH_SIZES[:-1])
@pytest.mark.parametrize("layers", NETWORKS.values(), ids=lambda layers: "-".join(map(str, layers)))
def test_forward(benchmark, layers, batch_size, name):
    spec = Spec(layers)
    (contender,) = find_contenders([name])
    if (reason := contender.unavailable(spec)) is not None:
        pytest.skip(reason)
    forward = contender.prepare(spec, draw_parameters(spec), batch_size)
    x, _ = draw_batch(spec, batch_size)
    benchmark.group = f"forward, {'-'.join(map(str, layers))}, batch {batch_size}"
    benchmark.extra_info["flops"] = batch_size * flops_per_sample(layers)
    assert benchmark(forward, x).shape == (batch_size, layers[-1])
