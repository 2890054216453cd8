"""Batch normalisation: within the bounds of its sums, and the same bits for every column."""

import numpy as np
import pytest
from support.differences import central_differences
from support.panels import call, same_bits
from support.written_kernels import DTYPES, ISAS, each_target, kernels

from mlpcore.kernels.cpu.layers.batch_norm import SETTINGS, write_batch_norm

pytestmark = pytest.mark.skipif(not ISAS, reason="this processor has no instruction set of ours")

EPS = 1e-3
MOMENTUM = 0.25
SHAPES = [(2, 1), (3, 5), (64, 17), (65, 64), (130, 70), (200, 131)]
every_dtype = pytest.mark.parametrize("dtype", DTYPES)
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


class Batch:
    """Numbers of a batch with a mean that is large beside their spread, and what was computed."""

    def __init__(self, shape, dtype, seed=0):
        rng = np.random.default_rng(seed)
        self.x = (rng.normal(size=shape) * 2 + rng.normal(size=shape[1]) * 20).astype(dtype)
        self.dy = rng.normal(size=shape).astype(dtype)
        self.scale, self.shift, self.running_mean = rng.normal(size=(3, shape[1])).astype(dtype)
        self.running_variance = rng.uniform(0.5, 2, shape[1]).astype(dtype)

    def part(self, columns):
        """Return a batch of some of the columns."""
        new = object.__new__(Batch)
        new.__dict__ = {k: np.ascontiguousarray(v[..., columns]) for k, v in vars(self).items()}
        return new

    def train(self, isa=None):
        """Return what a step in training computes, by name."""
        compiled, (rows, _) = self._compiled(isa), self.x.shape
        mean, inverse = np.empty_like(self.scale), np.empty_like(self.scale)
        y, follow = np.empty_like(self.x), (self.running_mean.copy(), self.running_variance.copy())
        told = {
            "rows": rows,
            "eps": EPS,
            "1 - momentum": 1 - MOMENTUM,
            "momentum": MOMENTUM,
            "rows / (rows - 1)": rows / (rows - 1),
        }
        settings = np.array([told[name] for name in SETTINGS], self.x.dtype)
        given = self.x, y, self.scale, self.shift, mean, inverse
        call(compiled, "batch_norm_forward", *given, *follow, *self.x.shape, settings)
        back = self._backward(compiled, "batch_norm_backward", mean, inverse, rows)
        names = {"y": y, "mean": mean, "inverse": inverse}
        return names | {"running_mean": follow[0], "running_variance": follow[1]} | back

    def fixed(self, isa=None):
        """Return what is computed with the running statistics."""
        compiled = self._compiled(isa)
        y, inverse = np.empty_like(self.x), np.empty_like(self.scale)
        given = self.x, y, self.scale, self.shift, self.running_mean, self.running_variance
        call(compiled, "batch_norm_fixed_forward", *given, inverse, *self.x.shape, EPS)
        name = "batch_norm_fixed_backward"
        return {"y": y, "inverse": inverse} | self._backward(
            compiled, name, self.running_mean, inverse
        )

    def _compiled(self, isa):
        return kernels(write_batch_norm, ISAS[0] if isa is None else isa, self.x.dtype.type)

    def _backward(self, compiled, name, mean, inverse, *count):
        dx = self.dy.copy()  # dx may lie where dy does
        dscale, dshift = np.empty_like(mean), np.empty_like(mean)
        given = self.x, dx, dx, self.scale, mean, inverse, dscale, dshift
        call(compiled, name, *given, *self.x.shape, *count)
        return {"dx": dx, "dscale": dscale, "dshift": dshift}


def wide(batch, *names):
    return [getattr(batch, name).astype(np.float64) for name in names]


def rounding(batch):
    """Return the relative error of a sum: (n - 1) u for a chain of n, u half of eps; and eps."""
    eps, rows = float(np.finfo(batch.x.dtype).eps), len(batch.x)
    return (min(rows, 64) + rows / 64) / 2 * eps, eps


@every_dtype
@every_shape
def test_forward_is_within_the_bounds_of_its_sums(dtype, shape):
    batch = Batch(shape, dtype)
    found, (of_sum, eps) = batch.train(), rounding(batch)
    x, scale, shift = wide(batch, "x", "scale", "shift")
    mu, variance = x.mean(0), x.var(0)
    inverse = 1 / np.sqrt(variance + EPS)
    off_mu = (of_sum + eps) * np.abs(x).mean(0)
    # Around a mean that is off the squares are larger by the square of that; each difference
    # is rounded once, and counts twice.
    off_variance = off_mu**2 + (of_sum + 3 * eps) * variance
    relative = off_variance / (variance + EPS) + 2 * eps  # twice what the root makes of it
    assert (np.abs(found["mean"] - mu) <= off_mu).all()
    assert (np.abs(found["inverse"] - inverse) <= relative * inverse).all()
    y = (x - mu) * inverse * scale + shift
    per_element = np.abs(x - mu) * (relative + 3 * eps) + off_mu
    assert (np.abs(found["y"] - y) <= np.abs(inverse * scale) * per_element + eps * np.abs(y)).all()
    rows = len(x)
    for name, now, off in (
        ("running_mean", mu, off_mu),
        ("running_variance", variance * rows / (rows - 1), off_variance * rows / (rows - 1)),
    ):
        old = getattr(batch, name).astype(np.float64)
        expected = (1 - MOMENTUM) * old + MOMENTUM * now
        bound = MOMENTUM * off + 2 * eps * (np.abs(old) + np.abs(now))
        assert (np.abs(found[name] - expected) <= bound).all()


@every_dtype
@every_shape
@pytest.mark.parametrize("training", [True, False], ids=["training", "fixed"])
def test_backward_is_within_the_bounds_of_its_sums(dtype, shape, training):
    """For the mean and the inverse that forward found, which have bounds of their own."""
    batch = Batch(shape, dtype)
    found, (of_sum, eps) = batch.train() if training else batch.fixed(), rounding(batch)
    x, dy, scale, mu = wide(batch, "x", "dy", "scale", "running_mean")
    mu = found["mean"].astype(np.float64) if training else mu
    inverse = found["inverse"].astype(np.float64)
    d, n = x - mu, len(x)
    dshift, dscale = dy.sum(0), inverse * (dy * d).sum(0)
    off_shift = of_sum * np.abs(dy).sum(0)
    off_scale = (of_sum + 2 * eps) * inverse * np.abs(dy * d).sum(0)
    assert (np.abs(found["dshift"] - dshift) <= off_shift).all()
    assert (np.abs(found["dscale"] - dscale) <= off_scale).all()
    factor = inverse * scale
    terms, off = [dy], 0.0
    if training:
        terms += [-dshift / n, -d * inverse * dscale / n]
        off = off_shift / n + np.abs(d) * inverse * off_scale / n
    bound = np.abs(factor) * (off + 4 * eps * sum(map(np.abs, terms)))
    assert (np.abs(found["dx"] - factor * sum(terms)) <= bound).all()


@pytest.mark.parametrize("kind", ["train", "fixed"])
def test_backward_is_the_derivative_of_forward(kind):
    batch = Batch((7, 3), np.float64)
    compute = getattr(batch, kind)
    found = compute()
    for name, array in (("dx", batch.x), ("dscale", batch.scale), ("dshift", batch.shift)):
        slope = central_differences(lambda: (batch.dy * compute()["y"]).sum(), array)
        np.testing.assert_allclose(found[name], slope, rtol=1e-5, atol=1e-7)


@each_target
@pytest.mark.parametrize("shape", [(5, 70), (130, 19)], ids=str)
def test_every_instruction_set_computes_the_same_bits(isa, dtype, shape):
    batch = Batch(shape, dtype)
    for kind in ("train", "fixed"):
        expected, found = getattr(batch, kind)(ISAS[0]), getattr(batch, kind)(isa)
        assert all(same_bits(found[name], expected[name]) for name in expected)


@each_target
def test_a_column_depends_on_nothing_beside_it(isa, dtype):
    batch = Batch((70, 150), dtype)
    together = batch.train(isa)
    for columns in (slice(0, 1), slice(3, 40), slice(140, 150)):
        alone = batch.part(columns).train(isa)
        batch.x[:, : columns.start] = np.nan
        assert all(same_bits(alone[k], together[k][..., columns]) for k in alone)
    spoiled = batch.train(isa)
    assert all(same_bits(alone[k], spoiled[k][..., columns]) for k in alone)


@every_dtype
def test_a_constant_column_becomes_its_shift(dtype):
    batch = Batch((10, 4), dtype)
    batch.x[:] = dtype(0.1)
    found = batch.train()
    of_sum, eps = rounding(batch)
    bound = np.abs(batch.scale) * (of_sum + eps) * 0.1 / np.sqrt(EPS) + eps * np.abs(batch.shift)
    assert (np.abs(found["y"] - batch.shift) <= bound).all()


@every_dtype
def test_infinities_of_one_element_stay_there_with_fixed_statistics(dtype):
    batch = Batch((4, 9), dtype)
    batch.x[1, 2], batch.x[2, 5] = np.inf, np.nan
    found = batch.fixed()
    assert np.isfinite(found["dx"]).all()
    expected = np.isfinite(batch.x)
    np.testing.assert_array_equal(np.isfinite(found["y"]), expected)
