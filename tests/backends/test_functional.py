"""The functions give on the device under test what they give on the CPU, in its own arrays."""

import numpy as np
import pytest

from mlpcore import functional as F
from mlpcore.backends.registry import backend
from mlpcore.device import resolve
from mlpcore.kernels.reference.activations import ACTIVATIONS

RNG = np.random.default_rng(0)
Z = np.concatenate([RNG.normal(scale=3, size=(7, 5)), np.array([[0.0, -0.0, 1e4, -1e4, 88.0]])])
W, B = RNG.normal(size=(4, 5)), RNG.normal(size=4)
LABELS = RNG.integers(0, 5, 8)


@pytest.fixture
def here(device, monkeypatch):
    monkeypatch.setenv("MLPCORE_DEVICE", device)
    return backend(resolve(device))


def agree(here, function, *arrays, dtype="float64", **options):
    arrays = [a.astype(dtype) if a.dtype.kind == "f" else a for a in arrays]
    there = [here.xp.asarray(a) for a in arrays]
    expected, found = function(*arrays, **options), function(*there, **options)
    if not isinstance(expected, tuple):
        expected, found = (expected,), (found,)
    for e, f in zip(expected, found, strict=True):
        assert isinstance(f, here.xp.ndarray | np.generic)
        assert f.dtype == e.dtype
        bound = 1e-5 if dtype == "float32" else 1e-12
        scale = max(1.0, np.abs(e).max(initial=0.0))
        np.testing.assert_allclose(here.to_host(f), e, rtol=bound, atol=bound * scale)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_activations(here, name, dtype):
    agree(here, getattr(F, name), Z, dtype=dtype)
    agree(here, getattr(F, f"affine_{name}"), Z, W, B, dtype=dtype)


@pytest.mark.parametrize("function", [F.softmax, F.log_softmax, F.logsumexp])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_rows_and_columns(here, function, axis):
    agree(here, function, Z, axis=axis)


@pytest.mark.parametrize(
    ("loss", "t"),
    [
        (F.cross_entropy, LABELS),
        (F.cross_entropy, np.full((8, 5), 0.2)),
        (F.nll, LABELS),
        (F.binary_cross_entropy, RNG.random((8, 5))),
        (F.mse, RNG.normal(size=(8, 5))),
        (F.mae, RNG.normal(size=(8, 5))),
        (F.huber, RNG.normal(size=(8, 5))),
        (F.poisson, RNG.random((8, 5))),
    ],
    ids=["classes", "probabilities", "nll", "bce", "mse", "mae", "huber", "poisson"],
)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_losses(here, loss, t, reduction):
    z = np.minimum(Z, 9.0) if loss is F.poisson else Z  # beyond, e^z hides all else
    agree(here, loss, z, t, reduction=reduction)
    agree(here, lambda z, t, w: loss(z, t, sample_weight=w), z, t, RNG.random(8))


def test_labels_out_of_range_give_nan_where_they_are_not_looked_at(here):
    if here.name == "cpu":
        with pytest.raises(ValueError, match="5"):
            F.cross_entropy(Z, np.full(8, 5))
    else:
        loss, dz = F.cross_entropy(here.xp.asarray(Z), here.xp.full(8, 5))
        assert np.isnan(here.to_host(loss))
        assert np.isnan(here.to_host(dz)).all()


@pytest.mark.parametrize("activation", ["tanh", "softmax", None])
def test_propagation(here, activation):
    def both(x, W, b, dy):
        y, cache = F.forward_propagation(x, [W], [b], [activation])
        grads = F.backward_propagation(cache, dy)
        return y, cache.z[0], grads.weights[0], grads.biases[0], grads.input

    agree(here, both, Z, W, B, RNG.normal(size=(8, 4)))


def test_out_is_written(here):
    out = here.xp.empty_like(here.xp.asarray(Z))
    assert F.tanh(here.xp.asarray(Z), out=out) is out
    np.testing.assert_allclose(here.to_host(out), np.tanh(Z), rtol=1e-12)
