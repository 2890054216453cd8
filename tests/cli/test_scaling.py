"""σ (W a + b) + μ = (σ W) a + (σ b + μ): the way back belongs to the last layer."""

import numpy as np
import pytest

from mlpcore import MLP
from mlpcore.cli.scaling import Scaling, fold

RNG = np.random.default_rng(0)


def test_scaled_targets_have_mean_0_and_deviation_1():
    t = RNG.normal([5.0, -1e6], [0.1, 300.0], (1000, 2))
    scaled = Scaling.of(t).apply(t)
    # Means of 1000 terms of order 1, each with the rounding error of t - μ over σ.
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-10)
    np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-10)


@pytest.mark.parametrize("constant", [0.0, 0.1, -7e8])
def test_a_constant_has_the_deviation_1(constant):
    scaling = Scaling.of(np.full((7, 1), constant))
    np.testing.assert_array_equal(scaling.deviation, [1.0])


@pytest.mark.parametrize("sizes", [[3, 2], [3, 5, 2], [3, 5, 4, 1]])
def test_a_folded_model_predicts_in_the_units_of_the_data(sizes, device):
    model = MLP(sizes, dtype="float64", device=device, seed=1)
    model.parameters()[f"layers.{len(sizes) - 2}.bias"][...] = 0.5
    x = RNG.standard_normal((20, 3))
    scaling = Scaling(RNG.normal(0, 100, sizes[-1]), np.abs(RNG.normal(0, 10, sizes[-1])) + 0.1)
    before = model.predict(x)
    fold(model, scaling)
    expected = before * scaling.deviation + scaling.mean
    # A few roundings of sums of at most five terms.
    np.testing.assert_allclose(model.predict(x), expected, rtol=1e-12, atol=1e-10)
