"""A warning stands at the line of the user's that led to it."""

import numpy as np
import pytest

from mlpcore import MLP
from mlpcore.callbacks import StopOnNaN

X = np.ones((4, 2), np.float32)


def model():
    return MLP([2, 2], output="softmax", seed=0)


@pytest.mark.parametrize(
    "lead",
    [
        lambda: model().fit(X, np.zeros(4, int), epochs=1),
        lambda: model().fit(X, [0, 1, 0, 1], lr=1e39, optimizer="sgd", epochs=4),
        lambda: model().fit(
            X, [0, 1, 0, 1], lr=1e39, optimizer="sgd", epochs=4, callbacks=StopOnNaN()
        ),
    ],
    ids=["one class", "divergence", "stop on NaN"],
)
def test_a_warning_names_the_line_that_called_the_library(lead):
    with pytest.warns((UserWarning, RuntimeWarning)) as found:
        lead()
    assert [warning.filename for warning in found] == [__file__]
