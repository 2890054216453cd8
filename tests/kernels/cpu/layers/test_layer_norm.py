"""Layer normalisation: within the bounds of its sums, and the same bits for every row."""

import numpy as np
import pytest
from support.differences import central_differences
from support.panels import call, same_bits
from support.written_kernels import DTYPES, ISAS, each_target, kernels

from mlpcore.kernels.cpu.layers.across import CHAIN_BYTES
from mlpcore.kernels.cpu.layers.layer_norm import write_layer_norm

pytestmark = pytest.mark.skipif(not ISAS, reason="this processor has no instruction set of ours")

EPS = 1e-3
SHAPES = [(1, 1), (3, 2), (4, 31), (2, 64), (70, 33), (3, 300)]
every_dtype = pytest.mark.parametrize("dtype", DTYPES)
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


class Batch:
    """Rows with means that are large beside their spread, and what was computed of them."""

    def __init__(self, shape, dtype, seed=0):
        rng = np.random.default_rng(seed)
        self.x = (rng.normal(size=shape) * 2 + rng.normal(size=(shape[0], 1)) * 20).astype(dtype)
        self.dy = rng.normal(size=shape).astype(dtype)
        self.scale, self.shift = rng.normal(size=(2, shape[1])).astype(dtype)

    def compute(self, isa=None, rows=slice(None)):
        """Return everything by name, for some of the rows."""
        compiled = kernels(write_layer_norm, ISAS[0] if isa is None else isa, self.x.dtype.type)
        x, dx = self.x[rows].copy(), self.dy[rows].copy()  # dx may lie where dy does
        dy, (number, features) = dx.copy(), x.shape
        y, mean, inverse = np.empty_like(x), *np.empty((2, number), x.dtype)
        dscale, dshift = np.empty((2, features), x.dtype)
        given = x, y, self.scale, self.shift, mean, inverse
        call(compiled, "layer_norm_forward", *given, number, features, features, EPS)
        given = x, dx, dx, self.scale, mean, inverse
        call(compiled, "layer_norm_backward", *given, number, features, features)
        given = x, dy, mean, inverse, dscale, dshift
        call(compiled, "layer_norm_parameters", *given, number, features)
        by_row = {"y": y, "mean": mean, "inverse": inverse, "dx": dx}
        return by_row | {"dscale": dscale, "dshift": dshift}


def wide(*arrays):
    return [array.astype(np.float64) for array in arrays]


def rounding(batch):
    """Return the relative error of a sum across a row, of one over rows, and eps."""
    (rows, features), eps = batch.x.shape, float(np.finfo(batch.x.dtype).eps)
    chains = CHAIN_BYTES // batch.x.itemsize
    across = (features / chains + 1 + np.log2(chains)) / 2 * eps
    return across, (min(rows, 64) + rows / 64) / 2 * eps, eps


@every_dtype
@every_shape
def test_forward_is_within_the_bounds_of_its_sums(dtype, shape):
    batch = Batch(shape, dtype)
    found, (across, _, eps) = batch.compute(), rounding(batch)
    x, scale, shift = wide(batch.x, batch.scale, batch.shift)
    mu, variance = x.mean(1), x.var(1)
    inverse = 1 / np.sqrt(variance + EPS)
    off_mu = (across + eps) * np.abs(x).mean(1)
    off_variance = off_mu**2 + (across + 3 * eps) * variance
    relative = off_variance / (variance + EPS) + 2 * eps  # twice what the root makes of it
    assert (np.abs(found["mean"] - mu) <= off_mu).all()
    assert (np.abs(found["inverse"] - inverse) <= relative * inverse).all()
    n = (x - mu[:, None]) * inverse[:, None]
    y = n * scale + shift
    off_n = np.abs(n) * (relative + 3 * eps)[:, None] + (off_mu * inverse)[:, None]
    assert (np.abs(found["y"] - y) <= np.abs(scale) * off_n + eps * np.abs(y)).all()


@every_dtype
@every_shape
def test_backward_is_within_the_bounds_of_its_sums(dtype, shape):
    """For the mean and the inverse that forward found, which have bounds of their own."""
    batch = Batch(shape, dtype)
    found, (across, down, eps) = batch.compute(), rounding(batch)
    x, dy, scale, mu, inverse = wide(
        batch.x, batch.dy, batch.scale, found["mean"][:, None], found["inverse"][:, None]
    )
    n, dn = (x - mu) * inverse, dy * scale
    terms = [dn, -dn.mean(1, keepdims=True), -n * (dn * n).mean(1, keepdims=True)]
    off = (across + 2 * eps) * np.abs(dn).mean(1, keepdims=True)
    off = off + (across + 4 * eps) * np.abs(n) * np.abs(dn * n).mean(1, keepdims=True)
    bound = inverse * (off + 6 * eps * sum(map(np.abs, terms)))
    assert (np.abs(found["dx"] - inverse * sum(terms)) <= bound).all()
    assert (np.abs(found["dshift"] - dy.sum(0)) <= down * np.abs(dy).sum(0)).all()
    bound = (down + 3 * eps) * np.abs(dy * n).sum(0)
    assert (np.abs(found["dscale"] - (dy * n).sum(0)) <= bound).all()


def test_backward_is_the_derivative_of_forward():
    batch = Batch((4, 6), np.float64)
    found = batch.compute()
    for name, array in (("dx", batch.x), ("dscale", batch.scale), ("dshift", batch.shift)):
        slope = central_differences(lambda: (batch.dy * batch.compute()["y"]).sum(), array)
        np.testing.assert_allclose(found[name], slope, rtol=1e-5, atol=1e-7)


@each_target
@pytest.mark.parametrize("shape", [(70, 5), (3, 77), (2, 200)], ids=str)
def test_every_instruction_set_computes_the_same_bits(isa, dtype, shape):
    batch = Batch(shape, dtype)
    expected, found = batch.compute(ISAS[0]), batch.compute(isa)
    assert all(same_bits(found[name], expected[name]) for name in expected)


@each_target
def test_a_row_depends_on_nothing_beside_it(isa, dtype):
    batch = Batch((9, 50), dtype)
    together = batch.compute(isa)
    for rows in (slice(0, 1), slice(4, 9)):
        alone = batch.compute(isa, rows)
        for name in ("y", "mean", "inverse", "dx"):
            assert same_bits(alone[name], together[name][rows])
    batch.x[:4] = np.nan
    assert same_bits(batch.compute(isa)["dx"][4:], alone["dx"])


@every_dtype
def test_a_constant_row_becomes_the_shift(dtype):
    batch = Batch((3, 10), dtype)
    batch.x[:] = dtype(0.1)
    found, (across, _, eps) = batch.compute(), rounding(batch)
    bound = np.abs(batch.scale) * (across + eps) * 0.1 / np.sqrt(EPS) + eps * np.abs(batch.shift)
    assert (np.abs(found["y"] - batch.shift) <= bound).all()
