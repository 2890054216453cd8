"""The sum of squares: the same bits on every instruction set, as near as its chains allow."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.canonical import fma
from support.written_kernels import DTYPES, ISAS, kernels

from mlpcore.kernels.cpu.optimizers.squares import CHAINS, TERMS, write_sum_of_squares

pytestmark = pytest.mark.skipif(not ISAS, reason="this processor has no instruction set of ours")

BLOCK = CHAINS * TERMS


def sum_of_squares(x, isa):
    """Return the kernel's sum for a vector that lies amid numbers that do not belong to it."""
    memory = np.full(len(x) + 2 * CHAINS, np.nan, x.dtype)
    memory[3 : 3 + len(x)] = x
    found = kernels(write_sum_of_squares, isa, x.dtype.type).function("squares")
    return found(memory[3:].ctypes.data, len(x))


def expected(x):
    """Return the sum as the kernel's documentation has it."""
    totals = np.zeros(CHAINS, x.dtype)
    for start in range(0, len(x), BLOCK):
        block = x[start : start + BLOCK]
        padded = np.pad(block, (0, -len(block) % CHAINS)).reshape(-1, CHAINS)
        chains = np.zeros(CHAINS, x.dtype)
        for terms in padded:
            chains = fma(terms, terms, chains)
        totals = totals + chains
    while len(totals) > 1:
        totals = totals[: len(totals) // 2] + totals[len(totals) // 2 :]
    return float(totals[0])


@pytest.mark.parametrize("isa", ISAS, ids=lambda isa: isa.name)
@settings(deadline=None, max_examples=20)
@given(n=st.integers(0, 3 * CHAINS) | st.integers(BLOCK - 40, 2 * BLOCK + 40))
def test_it_is_the_sum_of_its_chains(isa, n):
    x = np.random.default_rng(n).standard_normal(n).astype(np.float32)
    assert sum_of_squares(x, isa) == expected(x)


@pytest.mark.parametrize("isa", ISAS, ids=lambda isa: isa.name)
def test_it_is_in_float64_too(isa):
    x = np.random.default_rng(0).standard_normal(3 * CHAINS + 5)
    assert sum_of_squares(x, isa) == expected(x)


@pytest.mark.parametrize("isa", ISAS, ids=lambda isa: isa.name)
@pytest.mark.parametrize("dtype", DTYPES)
def test_it_is_near_the_exact_sum(isa, dtype):
    x = np.random.default_rng(1).standard_normal(5 * BLOCK + 77).astype(dtype)
    exact = math.fsum(float(v) ** 2 for v in x)
    roundings = TERMS + 6 + int(math.log2(CHAINS))  # of a chain, of the blocks, of the chains' sum
    assert abs(sum_of_squares(x, isa) - exact) <= roundings * np.finfo(dtype).eps / 2 * 1.01 * exact


@pytest.mark.parametrize("isa", ISAS, ids=lambda isa: isa.name)
@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_what_is_not_finite_stays(isa, value):
    x = np.ones(CHAINS + 1, np.float32)
    x[-1] = value
    np.testing.assert_equal(sum_of_squares(x, isa), value)
