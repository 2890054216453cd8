"""The penalty λ/2 ΣW² over ranges of a vector, and its sum with a loss."""

import cupy
import numpy as np
import pytest

from mlpcore.kernels.cuda.penalty import penalized
from mlpcore.kernels.cuda.sums import CHUNK


def ranges_of(*pairs):
    return cupy.asarray(np.array(pairs, np.int64).reshape(-1, 2))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("n", "pairs"),
    [
        (1, [(0, 1)]),
        (300, [(0, 255), (272, 300)]),
        (300, []),
        (CHUNK + 5, [(16, 40), (CHUNK - 16, CHUNK + 5)]),
        (3 * CHUNK, [(0, 100), (CHUNK, 3 * CHUNK)]),
    ],
)
def test_it_is_half_lambda_times_the_squares_in_the_ranges(dtype, n, pairs):
    rng = np.random.default_rng(0)
    p, loss, decay = rng.normal(size=n).astype(dtype), np.asarray(1.5, dtype), 0.25
    expected = 0.5 * decay * sum((p[a:b].astype(np.float64) ** 2).sum() for a, b in pairs)
    J, s = penalized(cupy.asarray(loss), cupy.asarray(p), decay, ranges_of(*pairs))
    assert J.shape == s.shape == ()
    assert J.dtype == s.dtype == dtype
    # A thread adds 64 squares of its chunk, and trees add those: 80 roundings are not reached.
    bound = 80 * float(np.finfo(dtype).eps)
    assert float(s) == pytest.approx(expected, rel=bound)
    assert float(J) == pytest.approx(1.5 + expected, rel=bound)


def test_two_launches_however_long_and_nothing_that_waits(double):
    p, decayed = cupy.ones(2 * CHUNK + 1, cupy.float32), ranges_of((0, 2 * CHUNK + 1))
    loss = cupy.zeros((), cupy.float32)
    double.reset_counters()
    penalized(loss, p, 1.0, decayed)
    found = double.counters
    assert sum(found.launches.values()) == 2
    assert found.synchronisations == found.device_to_host == found.host_to_device == 0


def test_nan_and_infinity_come_through():
    p = cupy.asarray([1.0, np.inf, np.nan, 2.0])
    zero = cupy.zeros(())
    assert float(penalized(zero, p, 1.0, ranges_of((0, 2)))[1]) == np.inf
    assert np.isnan(float(penalized(zero, p, 1.0, ranges_of((0, 4)))[1]))
    assert float(penalized(zero, p, 1.0, ranges_of((0, 1), (3, 4)))[1]) == 2.5


def test_what_does_not_fit_is_refused():
    p, loss = cupy.ones(4, cupy.float32), cupy.zeros((), cupy.float32)
    with pytest.raises(TypeError, match="loss has dtype float64"):
        penalized(cupy.zeros(()), p, 1.0, ranges_of((0, 4)))
    with pytest.raises(ValueError, match="loss has shape"):
        penalized(cupy.zeros(1, cupy.float32), p, 1.0, ranges_of((0, 4)))
    with pytest.raises(ValueError, match="ranges are int64"):
        penalized(loss, p, 1.0, cupy.zeros((1, 2), cupy.int32))
