"""MLP: the statistics that standardise its input."""

import numpy as np
import pytest
from support.models import model

from mlpcore import MLP


def test_a_standardised_input_has_mean_zero_and_deviation_one():
    net = MLP([3, 3], standardize=True, dtype="float64", seed=0)
    x = np.random.default_rng(16).normal([1, 1e6, -3], [2, 5, 0.1], size=(200, 3))
    net.adapt(x)
    net.set_parameters({"layers.0.weight": np.eye(3), "layers.0.bias": np.zeros(3)})
    np.testing.assert_allclose(net(x).mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(net(x).std(axis=0), 1, rtol=1e-9)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e7, -3e-5])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_constant_column_comes_out_as_zero(value, dtype):
    net = MLP([1, 1], standardize=True, dtype=dtype, seed=0)
    net.set_parameters({"layers.0.weight": [[1.0]], "layers.0.bias": [0.0]})
    net.adapt(np.full((37, 1), value))
    np.testing.assert_allclose(net(np.full((5, 1), value)), 0, atol=abs(value) * 1e-6)


def test_statistics_need_a_layer_rows_and_finite_values():
    with pytest.raises(ValueError, match="standardize=True"):
        model().adapt(np.ones((3, 4)))
    net = model(standardize=True)
    before = net.copy()
    with pytest.raises(ValueError, match="no rows"):
        net.adapt(np.ones((0, 4)))
    with pytest.raises(ValueError, match="NaN or infinite"):
        net.adapt(np.full((2, 4), np.nan))
    assert net.equals(before)
