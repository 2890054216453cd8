"""The losses of a batch are summed in blocks of 64, in one order."""

import math

import numpy as np
import pytest
from support.loss_kernels import total
from support.written_kernels import DTYPES, ISAS

pytestmark = pytest.mark.skipif(not ISAS, reason="this processor has no instruction set of ours")


def chain(values, dtype):
    s = dtype(0)
    for value in values:
        s = s + value
    return s


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [0, 1, 63, 64, 65, 511, 512, 513, 1100])
def test_blocks_of_64_ascend_and_so_do_their_sums(dtype, n):
    values = np.random.default_rng(n).normal(size=n).astype(dtype)
    kind = np.dtype(dtype).type
    expected = chain([chain(values[i : i + 64], kind) for i in range(0, n, 64)], kind)
    for isa in ISAS:
        assert total(values, isa) == expected


@pytest.mark.parametrize("dtype", DTYPES)
def test_it_is_close_to_the_exact_sum(dtype):
    """The error is below that of as many additions as one number goes through: 64 and n / 64."""
    values = np.random.default_rng(1).random(5000).astype(dtype)
    exact = math.fsum(values.tolist())
    assert abs(total(values) - exact) <= (64 + 5000 / 64) * np.finfo(dtype).eps / 2 * exact


@pytest.mark.parametrize("dtype", DTYPES)
def test_nan_and_infinities_come_through(dtype):
    values = np.ones(600, dtype)
    values[300] = np.inf
    assert total(values) == np.inf
    values[599] = np.nan
    assert np.isnan(total(values))
