"""Batch and layer normalisation on the device against the formulas in float64."""

import cupy
import numpy as np
import pytest
from support.differences import central_differences, relative_error

from mlpcore.kernels.cuda.norms import (
    batch_norm_backward,
    batch_norm_forward,
    layer_norm_backward,
    layer_norm_forward,
)

EPS, MOMENTUM = 1e-5, 0.3
DTYPES = ["float32", "float64"]
BATCHES = [(2, 5), (64, 3), (150, 33), (4200, 2)]  # one block of rows, several, and long shares
BROAD = [(5, 6), (70, 100), (3, 1030)]  # a row by a part of a warp, a warp, a block
ORDERS = ("forward", "reverse", "random")


def of_rows(shape, dtype):
    """Return x, dy, scale and shift; the columns of x lie far apart."""
    rng = np.random.default_rng(shape[0])
    features = shape[1]
    x = rng.normal(size=shape) * rng.uniform(0.1, 3, features) + rng.uniform(-5, 5, features)
    columns = rng.uniform(0.5, 2, features), rng.normal(size=features)
    return [array.astype(dtype) for array in (x, rng.normal(size=shape), *columns)]


def normal(x, axis):
    """Return n of x in float64, which Σ dy · n and dx are made of."""
    x = x.astype(np.float64)
    mean, variance = x.mean(axis, keepdims=True), x.var(axis, keepdims=True)
    return (x - mean) / np.sqrt(variance + EPS), mean, variance


def gradient(dn, n, variance, axis):
    """Return dx in float64."""
    along = n * (dn * n).mean(axis, keepdims=True)
    return (dn - dn.mean(axis, keepdims=True) - along) / np.sqrt(variance + EPS)


def close(found, expected, x):
    """Assert that found is expected up to roundings, those of x - μ among them.

    Each number is a sum of numbers of about the size of the largest, in chains of 64 and of blocks.
    """
    u = np.finfo(x.dtype).eps
    size = max(1.0, np.abs(expected).max()) * max(1.0, np.abs(x).max())
    np.testing.assert_allclose(found.get(), expected, rtol=0, atol=(16 + len(x) / 64) * u * size)


def train(shape, dtype):
    """Return what a batch norm in training leaves, forward and backward."""
    x, dy, scale, shift = map(cupy.asarray, of_rows(shape, dtype))
    mean, variance = cupy.zeros_like(scale), cupy.ones_like(scale)
    y, *kept = batch_norm_forward(x, scale, shift, mean, variance, eps=EPS, momentum=MOMENTUM)
    dscale, dshift = cupy.empty_like(scale), cupy.empty_like(shift)
    dx = batch_norm_backward(x, dy, scale, *kept, dscale=dscale, dshift=dshift, training=True)
    return {
        "y": y, "dx": dx, "dscale": dscale, "dshift": dshift, "mean": mean, "variance": variance
    }  # fmt: skip


def across(shape, dtype):
    """Return what a layer norm leaves."""
    x, dy, scale, shift = map(cupy.asarray, of_rows(shape, dtype))
    y, *kept = layer_norm_forward(x, scale, shift, eps=EPS)
    dscale, dshift = cupy.empty_like(scale), cupy.empty_like(shift)
    dx = layer_norm_backward(x, dy, scale, *kept, dscale=dscale, dshift=dshift)
    return {"y": y, "dx": dx, "dscale": dscale, "dshift": dshift}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", BATCHES)
def test_a_batch_norm_in_training(shape, dtype):
    x, dy, scale, shift = of_rows(shape, dtype)
    n, mean, variance = normal(x, 0)
    found, rows = train(shape, dtype), len(x)
    close(found["y"], n * scale + shift, x)
    close(found["dshift"] / rows, dy.mean(0, dtype=np.float64), x)
    close(found["dscale"] / rows, (dy * n).mean(0), x)
    close(found["mean"], MOMENTUM * mean[0], x)
    unbiased = variance[0] * rows / (rows - 1)
    close(found["variance"], 1 - MOMENTUM + MOMENTUM * unbiased, x)
    dx = gradient(dy.astype(np.float64) * scale, n, variance, 0)
    # Columns of small variance magnify what was rounded before.
    close(found["dx"], dx, x / np.sqrt(variance.min() + EPS).astype(dtype))


@pytest.mark.parametrize(
    ("shape", "dtype"), [*((shape, "float32") for shape in BROAD), (BROAD[0], "float64")]
)
def test_a_layer_norm(shape, dtype):
    x, dy, scale, shift = of_rows(shape, dtype)
    n, _, variance = normal(x, 1)
    found = across(shape, dtype)
    close(found["y"], n * scale + shift, x)
    close(found["dshift"], dy.sum(0, dtype=np.float64), x)
    close(found["dscale"], (dy * n).sum(0), x)
    dx = gradient(dy.astype(np.float64) * scale, n, variance, 1)
    close(found["dx"], dx, x / np.sqrt(variance.min() + EPS).astype(dtype))


def test_a_batch_norm_with_running_statistics_moves_none_of_them():
    x, dy, scale, shift = of_rows((70, 9), np.float64)
    mean, variance = np.linspace(-1, 1, 9), np.linspace(0.1, 2, 9)
    running = cupy.asarray(mean), cupy.asarray(variance)
    there, given, gamma, beta = map(cupy.asarray, (x, dy, scale, shift))
    y, *kept = batch_norm_forward(there, gamma, beta, *running, eps=EPS)
    inverse = 1 / np.sqrt(variance + EPS)
    close(y, (x - mean) * inverse * scale + shift, x)
    dscale, dshift = cupy.empty_like(gamma), cupy.empty_like(beta)
    into = {"dscale": dscale, "dshift": dshift}
    dx = batch_norm_backward(there, given, gamma, *kept, **into, training=False)
    close(dx, dy * scale * inverse, x)
    close(dshift, dy.sum(0), x)
    close(dscale, (dy * (x - mean) * inverse).sum(0), x)
    np.testing.assert_array_equal(running[0].get(), mean)
    np.testing.assert_array_equal(running[1].get(), variance)


def test_gradients_are_central_differences():
    x, dy, scale, shift = of_rows((5, 6), np.float64)

    def batch():
        there = map(cupy.asarray, (x, scale, shift, np.zeros(6), np.ones(6)))
        return float((batch_norm_forward(*there, eps=EPS, momentum=0.1)[0].get() * dy).sum())

    def layer():
        there = map(cupy.asarray, (x, scale, shift))
        return float((layer_norm_forward(*there, eps=EPS)[0].get() * dy).sum())

    for scalar, norm in ((batch, train), (layer, across)):
        found = norm((5, 6), np.float64)
        for name, array in (("dx", x), ("dscale", scale), ("dshift", shift)):
            assert relative_error(found[name].get(), central_differences(scalar, array)) < 1e-6


def test_a_variance_keeps_its_digits_where_the_mean_is_large():
    rng = np.random.default_rng(0)
    x = (1000 + 0.5 * rng.normal(size=(300, 4))).astype(np.float32)
    ones, zeros = cupy.ones(4, np.float32), cupy.zeros(4, np.float32)
    y, _, inverse = batch_norm_forward(
        cupy.asarray(x), ones, zeros, zeros.copy(), ones.copy(), eps=EPS, momentum=0.1
    )
    _, _, variance = normal(x, 0)
    # μ is wrong by a few ulps of 1000, which moves σ² by their square.
    np.testing.assert_allclose(inverse.get(), 1 / np.sqrt(variance[0] + EPS), rtol=1e-5)
    assert np.abs(y.get().mean(0)).max() < 1e-2


@pytest.mark.parametrize("norm", [train, across])
def test_bits_are_the_same_in_every_order_of_threads(norm, double, monkeypatch):
    monkeypatch.setattr("mlpcore.kernels.cuda.compiler._BLOCKS_OF_MULTIPROCESSOR", 0.01)
    found = []
    for order in ORDERS:
        with double.exact_bounds(), double.order(order):
            found.append({k: v.get() for k, v in norm((70, 100), "float32").items()})
            found[-1] |= {f"long {k}": v.get() for k, v in norm((3, 1030), "float32").items()}
    for other in found[1:]:
        for name, value in other.items():
            np.testing.assert_array_equal(value, found[0][name], err_msg=name)


def test_the_bits_of_a_normalised_row_depend_on_nothing_else():
    x, _, scale, shift = map(cupy.asarray, of_rows((70, 100), np.float32))
    whole = layer_norm_forward(x, scale, shift, eps=EPS)[0].get()
    alone = layer_norm_forward(x[17:18], scale, shift, eps=EPS)[0].get()
    np.testing.assert_array_equal(alone, whole[17:18])


@pytest.mark.parametrize("place", [(3, 1), (80, 1)])
def test_infinity_and_nan_come_out_as_the_formulas_say(place):
    x, _, scale, shift = of_rows((100, 6), np.float32)
    for bad in (np.inf, np.nan):
        x[place] = bad
        mean, variance = cupy.zeros(6, np.float32), cupy.ones(6, np.float32)
        given = map(cupy.asarray, (x, scale, shift))
        y = batch_norm_forward(*given, mean, variance, eps=EPS, momentum=0.1)[0].get()
        assert np.isnan(y[:, 1]).all()
        assert np.isfinite(np.delete(y, 1, axis=1)).all()
        np.testing.assert_array_equal(mean.get()[1], np.float32(bad))
        assert np.isnan(variance.get()[1])
        y = layer_norm_forward(*map(cupy.asarray, (x, scale, shift)), eps=EPS)[0].get()
        assert np.isnan(y[place[0]]).all()
        assert np.isfinite(np.delete(y, place[0], axis=0)).all()


def test_no_rows_have_gradients_of_zero():
    x, columns = cupy.empty((0, 6)), [cupy.ones(6) for _ in range(6)]
    y, *kept = batch_norm_forward(x, *columns[:4], eps=EPS)
    dscale, dshift = columns[4:]
    into = {"dscale": dscale, "dshift": dshift}
    assert batch_norm_backward(x, y, columns[0], *kept, **into, training=False).shape == (0, 6)
    assert not cupy.concatenate([dscale, dshift]).get().any()
    dscale[...] = dshift[...] = 1
    y, *kept = layer_norm_forward(x, *columns[:2], eps=EPS)
    assert layer_norm_backward(x, y, columns[0], *kept, **into).shape == (0, 6)
    assert not cupy.concatenate([dscale, dshift]).get().any()


@pytest.mark.parametrize("rows", [64, 65])
def test_launches(rows, double):
    def count(work):
        double.reset_counters()
        result = work()
        return sum(double.counters.launches.values()), result

    x, dy, scale, shift = map(cupy.asarray, of_rows((rows, 6), np.float64))
    running = cupy.zeros_like(scale), cupy.ones_like(scale)
    into = {"dscale": cupy.empty_like(scale), "dshift": cupy.empty_like(scale)}
    for momentum, launches in ((0.1, 2), (None, 1)):
        found, (_, *kept) = count(
            lambda m=momentum: batch_norm_forward(x, scale, shift, *running, eps=EPS, momentum=m)
        )
        assert found == launches
        training = momentum is not None
        assert (
            count(
                lambda k=kept, t=training: batch_norm_backward(x, dy, scale, *k, **into, training=t)
            )[0]
            == 2
        )
    found, (_, *kept) = count(lambda: layer_norm_forward(x, scale, shift, eps=EPS))
    assert found == 1
    back = count(lambda: layer_norm_backward(x, dy, scale, *kept, **into))[0]
    assert back == (2 if rows <= 64 else 3)


def test_what_does_not_fit_is_refused():
    x, dy, scale, shift = map(cupy.asarray, of_rows((4, 3), np.float32))
    running = cupy.zeros_like(scale), cupy.ones_like(scale)
    with pytest.raises(ValueError, match="two rows or more, got 1"):
        batch_norm_forward(x[:1], scale, shift, *running, eps=EPS, momentum=0.1)
    with pytest.raises(ValueError, match=r"shift has shape \(2,\), expected \(3,\)"):
        batch_norm_forward(x, scale, shift[:2], *running, eps=EPS)
    with pytest.raises(TypeError, match="scale has dtype float64, expected float32"):
        layer_norm_forward(x, scale.astype(np.float64), shift, eps=EPS)
    into = {"dscale": cupy.empty_like(scale), "dshift": cupy.empty_like(scale)}
    with pytest.raises(ValueError, match=r"dy has shape \(3, 3\), expected \(4, 3\)"):
        layer_norm_backward(x, dy[:3], scale, scale, scale, **into)
    with pytest.raises(ValueError, match=r"mean has shape \(3,\), expected \(4,\)"):
        layer_norm_backward(x, dy, scale, scale, scale, **into)
