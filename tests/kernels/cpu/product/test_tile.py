"""Products are the canonical sums, bit for bit, and as accurate as that promises."""

import numpy as np
import pytest
from support import canonical
from support.networks import instruction_set
from support.panels import same_bits
from support.product_kernels import normal
from support.written_kernels import ISAS, each_target

from mlpcore import MLP
from mlpcore.kernels.cpu.product import tile

each_isa = pytest.mark.parametrize("isa", ISAS, ids=lambda isa: isa.name)


def layer(K, N, isa, dtype, seed=0):
    """Return a model of one layer with normal weights and biases, and the two."""
    model = MLP([K, N], dtype=np.dtype(dtype).name, seed=seed)
    W, b = normal((N, K), dtype, seed), normal(N, dtype, seed + 1)
    model.set_parameters({"layers.0.weight": W, "layers.0.bias": b})
    with instruction_set(isa.name):
        model(np.zeros((1, K), dtype))
    return model, W, b


def test_the_emulation_knows_the_blocks():
    assert (tile.BLOCK, tile.ROW_BLOCK) == (canonical.BLOCK, canonical.ROW_BLOCK)


def test_the_emulated_multiply_add_is_rounded_once():
    a, b, c = (normal(20_000, np.float32, seed) for seed in range(3))
    c[::2] = -(a * b)[::2]  # what is left is the rounding error of the product
    c[1::4] *= np.float32(2**-24)
    exact = np.float32([float(x) for x in canonical._fma_double(*map(np.float64, (a, b, c)))])
    assert same_bits(canonical.fma(a, b, c), exact)
    assert (canonical.fma(a, b, c)[::2] != 0).any()


@each_isa
@pytest.mark.parametrize("K", [1, 2, 3, 255, 256, 257, 513])
def test_a_product_is_the_canonical_sum(isa, K):
    model, W, b = layer(K, 37, isa, np.float32)
    x = normal((70, K), np.float32, 9)
    check(model, x, canonical.affine(x, W, b))


@each_isa
@pytest.mark.parametrize("K", [3, 257])
def test_a_product_in_double_precision_is_the_canonical_sum(isa, K):
    model, W, b = layer(K, 3, isa, np.float64)
    different = normal((4, K), np.float64, 9)  # exact arithmetic is slow in Python
    x = np.tile(different, (6, 1))
    check(model, x, np.tile(canonical.affine(different, W, b), (6, 1)))


def check(model, x, expected):
    """The kernels of many rows and of few, and those that keep a record."""
    assert same_bits(model(x), expected)
    for rows in (1, 3, 6, 7, 13):
        assert same_bits(model(x[:rows]), expected[:rows])
    assert same_bits(model.forward(x)[0], expected)


@each_target
def test_the_error_is_at_most_twice_that_of_numpy(isa, dtype):
    exact = np.float64 if dtype is np.float32 else np.longdouble
    if np.finfo(exact).eps >= np.finfo(dtype).eps:
        pytest.skip("nothing here is more exact than float64")
    for K in (1, 2, 16, 100, 256, 784, 1000, 3072, 10_000):
        model, W, _ = layer(K, 32, isa, dtype)
        model.set_parameters({"layers.0.weight": W, "layers.0.bias": np.zeros(32)})
        x = normal((48, K), dtype, 3)
        truth = x.astype(exact) @ W.T.astype(exact)
        ours, numpys = (np.abs(z - truth).max() for z in (model(x), x @ W.T))
        few = np.abs(np.concatenate([model(x[i : i + 3]) for i in range(0, 48, 3)]) - truth).max()
        assert max(ours, few) <= 2 * numpys, K
