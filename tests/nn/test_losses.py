"""Losses by name: the values that they give."""

import numpy as np
import pytest
from sklearn.metrics import log_loss, mean_absolute_error, mean_squared_error

from mlpcore.kernels.reference.losses import LOSSES
from mlpcore.nn.losses import loss


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def test_each_loss_says_what_it_expects():
    expected = {name: loss(name).expects for name in LOSSES}
    assert expected == {
        "cross_entropy": "classes",
        "nll": "classes",
        "binary_cross_entropy": "probabilities",
        "mse": "values",
        "mae": "values",
        "huber": "values",
        "poisson": "counts",
    }


def test_cross_entropy_is_the_log_loss_of_scikit_learn(rng):
    z, t, w = rng.normal(0, 2, (20, 4)), np.arange(20) % 4, rng.uniform(0, 2, 20)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    assert loss("cross_entropy")(np, z, t)[0] == pytest.approx(log_loss(t, p), rel=1e-12)
    value, _ = loss("cross_entropy")(np, z, t, w)
    assert value == pytest.approx(log_loss(t, p, sample_weight=w), rel=1e-12)


def test_binary_cross_entropy_is_the_log_loss_of_scikit_learn(rng):
    z, t = rng.normal(0, 2, (20, 1)), np.arange(20) % 2 == 0
    value, dz = loss("binary_cross_entropy")(np, z, t)
    assert value == pytest.approx(log_loss(t, 1 / (1 + np.exp(-z[:, 0]))), rel=1e-12)
    assert dz.shape == (20, 1)


def test_regression_losses_are_the_metrics_of_scikit_learn(rng):
    z, t, w = rng.normal(size=(9, 3)), rng.normal(size=(9, 3)), rng.uniform(0, 2, 9)
    for name, metric in (("mse", mean_squared_error), ("mae", mean_absolute_error)):
        assert loss(name)(np, z, t)[0] == pytest.approx(metric(t, z), rel=1e-12)
        value, _ = loss(name)(np, z, t, w)
        assert value == pytest.approx(metric(t, z, sample_weight=w), rel=1e-12)


def test_class_weights_are_the_weights_of_the_rows_of_a_class(rng):
    z, t = rng.normal(size=(6, 3)), np.array([0, 1, 2, 0, 1, 2])
    w = np.array([1.0, 2.0, 0.5])
    by_row = loss("cross_entropy")(np, z, t, w[t])
    for weights in (w, list(w), {1: 2.0, 2: 0.5}):
        by_class = loss("cross_entropy", class_weight=weights)(np, z, t)
        np.testing.assert_allclose(by_class[0], by_row[0], rtol=1e-15)
        np.testing.assert_allclose(by_class[1], by_row[1], rtol=1e-15)


@pytest.mark.parametrize("ignored", [-100, 1, 255])
def test_ignored_rows_leave_what_the_other_rows_give(ignored, rng):
    z, t = rng.normal(size=(5, 3)), np.array([0, 1, 2, 2, 0], np.int16)
    t[[1, 3]] = ignored
    kept = [0, 2, 4]
    chosen = loss("cross_entropy", ignore_index=ignored)
    chosen.validate(z.shape, t)
    value, dz = chosen(np, z, t)
    expected, dz_kept = loss("cross_entropy")(np, z[kept], t[kept])
    assert value == pytest.approx(expected, rel=1e-15)
    np.testing.assert_allclose(dz[kept], dz_kept, rtol=1e-15)
    np.testing.assert_array_equal(dz[[1, 3]], np.zeros((2, 3)))


def test_a_batch_of_ignored_rows_alone_teaches_nothing(rng):
    value, dz = loss("cross_entropy", ignore_index=7)(np, rng.normal(size=(2, 3)), np.array([7, 7]))
    assert value == 0
    np.testing.assert_array_equal(dz, np.zeros((2, 3)))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_empty_batch_has_loss_zero(name, dtype):
    z = np.zeros((0, 3), dtype)
    t = np.zeros(0, int) if loss(name).expects == "classes" else np.zeros((0, 3))
    loss(name).validate(z.shape, t)
    value, dz = loss(name)(np, z, t)
    assert value == 0
    assert (value.dtype, dz.dtype, dz.shape) == (dtype, dtype, (0, 3))


@pytest.mark.parametrize("shape", [(3,), (2, 4, 3)])
def test_any_leading_shape_counts_as_rows(shape, rng):
    z, t = rng.normal(size=shape), rng.integers(0, 3, shape[:-1])
    value, dz = loss("cross_entropy")(np, z, t)
    flat, dz_flat = loss("cross_entropy")(np, z.reshape(-1, 3), t.reshape(-1))
    np.testing.assert_allclose(value, flat, rtol=1e-14)
    np.testing.assert_allclose(dz, dz_flat.reshape(shape), rtol=1e-14)


@pytest.mark.parametrize("name", ["mse", "mae", "huber", "binary_cross_entropy", "poisson"])
def test_a_column_of_one_takes_targets_without_it(name, rng):
    z, t = rng.normal(size=(5, 1)), rng.uniform(size=5)
    short, full = loss(name)(np, z, t), loss(name)(np, z, t[:, None])
    assert short[0] == full[0]
    np.testing.assert_array_equal(short[1], full[1])
    assert short[1].shape == (5, 1)


@pytest.mark.parametrize("w", [1e-300, 1e-50, 1e38])
def test_class_weights_in_a_mean_are_known_by_their_ratios_alone(w, rng):
    z, t = rng.normal(size=(6, 3)).astype(np.float32), np.array([0, 1, 2, 0, 1, 2])
    expected, dz_expected = loss("cross_entropy", class_weight=[1, 2, 3])(np, z, t)
    value, dz = loss("cross_entropy", class_weight=[w, 2 * w, 3 * w])(np, z, t)
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    np.testing.assert_allclose(dz, dz_expected, rtol=1e-6)


def test_no_warning_escapes_even_when_numpy_is_set_to_raise():
    big = np.finfo(np.float64).max
    z = np.array([[big, -big], [np.inf, 0], [np.nan, 1]])
    with np.errstate(all="raise"):
        for name in LOSSES:
            labels = loss(name).expects == "classes"
            t = np.array([1, 0, 0]) if labels else np.array([[0.0, 1], [0, 1], [1, 0]])
            loss(name).validate(z.shape, t)
            assert np.isnan(loss(name)(np, z, t)[0])
