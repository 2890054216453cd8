"""The throughput of a model that is there already."""

import numpy as np
import pytest

from mlpcore.bench import Row, throughput
from mlpcore.model import MLP


def test_there_is_a_row_for_each_batch_size():
    model = MLP([6, 5, 3], activation="tanh", output="softmax", seed=0)
    rows = throughput(model, (1, 8), seconds=0.002)
    assert all(isinstance(row, Row) for row in rows)
    assert [row.batch_size for row in rows] == [1, 8]
    assert {row.contender for row in rows} == {"mlpcore"}
    for row in rows:
        assert row.layers == [6, 5, 3]
        assert (row.activation, row.mode, row.dtype) == ("tanh", "inference", "float32")
        assert row.samples_per_s == pytest.approx(row.batch_size / row.median_s)


def test_float64_models_are_measured_in_float64():
    model = MLP([6, 3], dtype=np.float64, seed=0)
    (row,) = throughput(model, [2], seconds=0.001)
    assert row.dtype == "float64"


def test_the_model_is_left_as_it_was():
    model = MLP([6, 3], seed=0)
    x = np.ones((2, 6), np.float32)
    before = model(x)
    throughput(model, [2], seconds=0.001)
    np.testing.assert_array_equal(model(x), before)
