"""Each loss against an independent formula in float64, and its gradient against differences."""

import math

import array_api_strict
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import gammaln, log_expit, logsumexp
from scipy.special import huber as scipy_huber
from scipy.stats import poisson as poisson_distribution
from support.differences import central_differences, relative_error

from mlpcore.kernels.reference.losses import LOSSES

NAMES = tuple(LOSSES)
seeds = st.integers(0, 2**32 - 1)
shapes = st.tuples(st.integers(1, 5), st.integers(1, 4))


def targets_for(name, rng, shape):
    """Return targets that keep every element away from the kinks of its loss."""
    if LOSSES[name].expects == "classes":
        return rng.integers(0, shape[1], shape[0])
    if LOSSES[name].expects == "probabilities":
        return rng.uniform(0, 1, shape)
    if LOSSES[name].expects == "counts":
        return rng.poisson(2, shape).astype(float)
    return rng.normal(0, 2, shape)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("name", NAMES)
@given(seed=seeds, shape=shapes, reduction=st.sampled_from(["mean", "sum", "none"]), data=st.data())
def test_gradient_agrees_with_central_differences(name, seed, shape, reduction, data):
    rng = np.random.default_rng(seed)
    loss, z = LOSSES[name], rng.normal(0, 1.5, shape)
    t = targets_for(name, rng, shape)
    options = {}
    if loss.expects == "classes":
        if data.draw(st.booleans(), "class weights"):
            options["class_weight"] = rng.uniform(0.1, 3, shape[1])
        options["ignore_index"] = data.draw(st.sampled_from([None, 0, -1]), "ignored")
    if loss.soft_labels:
        options["label_smoothing"] = data.draw(st.sampled_from([0.0, 0.1, 1.0]), "smoothing")
        if options["ignore_index"] is None and data.draw(st.booleans(), "soft labels"):
            t = rng.dirichlet(np.ones(shape[1]), shape[0])
    if name == "binary_cross_entropy":
        options["pos_weight"] = rng.uniform(0.1, 3, shape[1])
    if name == "mae":
        assume(np.abs(z - t).min() > 1e-4)
    if name == "huber":
        options["delta"] = data.draw(st.sampled_from([0.3, 1.0, 2.5]), "delta")
        assume(np.abs(np.abs(z - t) - options["delta"]).min() > 1e-4)
    weight_shape = data.draw(st.sampled_from([None, shape[:1], shape]), "weights")
    if weight_shape is not None and not (loss.per_row and weight_shape == shape):
        options["sample_weight"] = rng.uniform(0, 2, weight_shape)

    def value():
        return float(loss(np, z, t, reduction=reduction, **options)[0].sum())

    dz = loss(np, z, t, reduction=reduction, **options)[1]
    assert relative_error(dz, central_differences(value, z)) < 1e-6


@given(seed=seeds, shape=shapes, smoothing=st.sampled_from([0.0, 0.25, 1.0]))
def test_cross_entropy_is_minus_the_mean_log_probability_under_the_target(seed, shape, smoothing):
    rng = np.random.default_rng(seed)
    rows, classes = shape
    z, t = rng.normal(0, 5, shape), rng.integers(0, classes, rows)
    losses, _ = LOSSES["cross_entropy"](np, z, t, reduction="none", label_smoothing=smoothing)
    for row in range(rows):
        log_p = [z[row, k] - logsumexp(z[row]) for k in range(classes)]
        q = [(1 - smoothing) * (k == t[row]) + smoothing / classes for k in range(classes)]
        expected = -math.fsum(a * b for a, b in zip(q, log_p, strict=True))
        assert losses[row] == pytest.approx(expected, rel=1e-12, abs=1e-13)


@pytest.mark.parametrize("reduction", ["sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_a_label_is_the_distribution_that_is_sure_of_it(reduction, smoothing, rng):
    z, t = rng.normal(size=(6, 4)), rng.integers(0, 4, 6)
    options = {"class_weight": np.array([1.0, 2, 3, 4]), "label_smoothing": smoothing}
    by_label = LOSSES["cross_entropy"](np, z, t, reduction=reduction, **options)
    by_row = LOSSES["cross_entropy"](np, z, np.eye(4)[t], reduction=reduction, **options)
    np.testing.assert_allclose(by_label[0], by_row[0], rtol=1e-14)
    np.testing.assert_allclose(by_label[1], by_row[1], rtol=1e-14, atol=1e-15)


def pytorch_formula(z, t, w, smoothing, ignored=None):
    """Return the mean as the documentation of PyTorch's CrossEntropyLoss writes it."""
    rows, classes = z.shape
    log_p = z - logsumexp(z, axis=-1, keepdims=True)
    if t.ndim == 2:
        y = (1 - smoothing) * t + smoothing / classes
        return -math.fsum(w[c] * y[n, c] * log_p[n, c] for n, c in np.ndindex(z.shape)) / rows
    kept = [n for n in range(rows) if t[n] != ignored]
    by_label = -math.fsum(w[t[n]] * log_p[n, t[n]] for n in kept)
    by_class = -math.fsum(w[c] * log_p[n, c] for n in kept for c in range(classes))
    total = (1 - smoothing) * by_label + smoothing / classes * by_class
    return total / math.fsum(w[t[n]] for n in kept)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_class_weights_weigh_each_class_term_as_in_pytorch(smoothing, rng):
    z, w = rng.normal(0, 3, (7, 4)), np.array([0.5, 2.0, 0.0, 3.0])
    labels, rows = np.array([0, 1, 2, 3, 3, 1, 0]), rng.dirichlet(np.ones(4), 7)
    for t, ignored in ((labels, None), (labels, 1), (rows, None)):
        value, _ = LOSSES["cross_entropy"](
            np, z, t, class_weight=w, label_smoothing=smoothing, ignore_index=ignored
        )
        expected = pytorch_formula(z, t, w, smoothing, ignored)
        assert value == pytest.approx(expected, rel=1e-13)


def test_the_gradient_follows_targets_that_do_not_sum_to_one(rng):
    z, q = rng.normal(size=(5, 3)), rng.uniform(size=(5, 3))

    def value():
        return float(LOSSES["cross_entropy"](np, z, q, reduction="sum")[0])

    _, dz = LOSSES["cross_entropy"](np, z, q, reduction="sum")
    assert relative_error(dz, central_differences(value, z)) < 1e-8
    # Moving all logits of a row together changes nothing.
    np.testing.assert_allclose(dz.sum(axis=-1), np.zeros(5), atol=1e-15)


@np.errstate(invalid="ignore")
@pytest.mark.parametrize("name", ["cross_entropy", "nll"])
def test_a_label_of_weight_zero_costs_nothing_where_it_is_impossible(name):
    z, w = np.array([[0.0, -np.inf], [0.0, -1.0]]), np.array([1.0, 0.0])
    value, dz = LOSSES[name](np, z, np.array([1, 0]), class_weight=w)
    alone, dz_alone = LOSSES[name](np, z[1:], np.array([0]), class_weight=w)
    assert value == alone
    np.testing.assert_array_equal(dz, [[0, 0], dz_alone[0]])


def test_nll_of_log_softmax_is_the_cross_entropy(rng):
    z, t = rng.normal(size=(6, 4)), rng.integers(0, 4, 6)
    log_p = z - logsumexp(z, axis=-1, keepdims=True)
    value, dz = LOSSES["nll"](np, log_p, t)
    assert value == pytest.approx(LOSSES["cross_entropy"](np, z, t)[0], rel=1e-14)
    np.testing.assert_array_equal(dz, -np.eye(4)[t] / 6)


@given(seed=seeds, shape=shapes)
def test_binary_cross_entropy_weighs_the_logarithms_of_both_probabilities(seed, shape):
    rng = np.random.default_rng(seed)
    z, t, p = rng.normal(0, 20, shape), rng.uniform(0, 1, shape), rng.uniform(0, 3, shape[1])
    losses, _ = LOSSES["binary_cross_entropy"](np, z, t, reduction="none", pos_weight=p)
    np.testing.assert_allclose(losses, -p * t * log_expit(z) - (1 - t) * log_expit(-z), rtol=1e-13)


def test_the_confident_tail_of_binary_cross_entropy_keeps_its_digits():
    z = np.array([40.0, -40.0, 700.0])
    losses, dz = LOSSES["binary_cross_entropy"](np, z, np.array([1.0, 0, 1]), reduction="none")
    np.testing.assert_allclose(losses, np.exp(-np.abs(z)), rtol=1e-15)
    np.testing.assert_allclose(dz, [-1, 1, -1] * np.exp(-np.abs(z)), rtol=1e-15)


def test_regression_losses_follow_their_definitions(rng):
    z, t = rng.normal(0, 3, (7, 3)), rng.normal(0, 3, (7, 3))
    each = {n: LOSSES[n](np, z, t, reduction="none")[0] for n in ("mse", "mae", "huber")}
    np.testing.assert_allclose(each["mse"], (z - t) ** 2, rtol=1e-15)
    np.testing.assert_allclose(each["mae"], np.abs(z - t), rtol=0)
    np.testing.assert_allclose(each["huber"], scipy_huber(1.0, z - t), rtol=1e-14)


def test_the_poisson_loss_is_minus_the_log_likelihood_without_the_factorial(rng):
    z, t = rng.normal(0, 3, (7, 3)), rng.poisson(4, (7, 3)).astype(float)
    losses, dz = LOSSES["poisson"](np, z, t, reduction="none")
    log_likelihood = poisson_distribution.logpmf(t, np.exp(z)) + gammaln(t + 1)
    np.testing.assert_allclose(losses, -log_likelihood, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dz, np.exp(z) - t, rtol=1e-14)


def test_the_poisson_loss_is_that_of_pytorch():
    """torch.nn.functional.poisson_nll_loss(z, t, log_input=True, reduction="none") of 2.13."""
    z, t = np.array([-1.0, 0.0, 0.5, 3.0]), np.array([2.0, 0.0, 1.5, 7.0])
    expected = [2.3678794411714423, 1.0, 0.8987212707001282, -0.9144630768123321]
    losses, _ = LOSSES["poisson"](np, z, t, reduction="none")
    np.testing.assert_allclose(losses, expected, rtol=1e-15)


def test_the_poisson_loss_is_least_where_the_mean_is_the_count():
    t = np.array([0.5, 1.0, 30.0])
    least, dz = LOSSES["poisson"](np, np.log(t), t, reduction="none")
    np.testing.assert_allclose(dz, 0, atol=1e-14)
    for step in (-0.1, 0.1):
        assert (LOSSES["poisson"](np, np.log(t) + step, t, reduction="none")[0] > least).all()


def test_the_poisson_loss_of_infinite_logarithms_is_its_limit():
    z = np.array([-np.inf, -np.inf, np.inf, np.inf, 1e4, -1e4])
    t = np.array([0.0, 2.0, 0.0, 2.0, 2.0, 2.0])
    with np.errstate(all="ignore"):
        losses, dz = LOSSES["poisson"](np, z, t, reduction="none")
    np.testing.assert_array_equal(losses, [0, np.inf, np.inf, np.inf, np.inf, 2e4])
    np.testing.assert_array_equal(dz, [0, -2, np.inf, np.inf, np.inf, -2])


def test_absolute_error_has_gradient_zero_at_a_perfect_fit():
    value, dz = LOSSES["mae"](np, np.ones(3), np.ones(3))
    assert value == 0
    np.testing.assert_array_equal(dz, np.zeros(3))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cross_entropy_is_right_for_all_finite_logits(dtype):
    big = np.finfo(dtype).max
    z = np.array(
        [[1e4, -1e4, 0], [-1e4, 1e4, 0], [big, 0, 0], [0, big / 4, 0], [big, big, big]], dtype
    )
    t = np.array([0, 0, 0, 0, 0])
    losses, dz = LOSSES["cross_entropy"](np, z, t, reduction="none")
    np.testing.assert_array_equal(losses[:4], np.array([0, 2e4, 0, big / 4], dtype))
    np.testing.assert_array_equal(dz[:4], [[0, 0, 0], [-1, 1, 0], [0, 0, 0], [-1, 1, 0]])
    assert losses[4] == pytest.approx(math.log(3), rel=1e-6)
    np.testing.assert_allclose(dz[4], [-2 / 3, 1 / 3, 1 / 3], rtol=1e-6)


@np.errstate(over="ignore")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_smoothed_cross_entropy_is_right_where_a_difference_of_logits_overflows(dtype):
    big = np.finfo(dtype).max
    z, eps = np.array([[big, -big]], dtype), float(np.finfo(dtype).eps)
    for t in (np.array([0]), np.array([[1, 0]], dtype)):
        loss, dz = LOSSES["cross_entropy"](np, z, t, label_smoothing=0.1)
        # 0.05 (m - z) of the second class, to the rounding of q in the dtype
        assert loss == pytest.approx(0.1 * float(big), rel=4 * eps)
        np.testing.assert_allclose(dz, [[0.05, -0.05]], atol=4 * eps)


@np.errstate(invalid="ignore")
def test_binary_cross_entropy_of_an_infinite_logit_is_its_limit():
    z, t = np.array([np.inf, -np.inf, np.inf, -np.inf]), np.array([1.0, 0, 0, 1])
    losses, dz = LOSSES["binary_cross_entropy"](np, z, t, reduction="none")
    np.testing.assert_array_equal(losses, [0, 0, np.inf, np.inf])
    np.testing.assert_array_equal(dz, [0, 0, 1, -1])


def test_a_class_that_is_impossible_and_not_the_target_costs_nothing():
    big = np.finfo(np.float64).max
    for lowest in (-np.inf, -big):
        z = np.array([[big if lowest == -big else 1.0, lowest]])
        with np.errstate(all="ignore"):
            value, dz = LOSSES["cross_entropy"](np, z, np.array([[1.0, 0.0]]))
            as_target, _ = LOSSES["cross_entropy"](np, z, np.array([1]))
        assert (value, as_target) == (0, np.inf)
        np.testing.assert_array_equal(dz, [[0, 0]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_binary_cross_entropy_is_right_for_all_finite_logits(dtype):
    big = np.finfo(dtype).max
    z = np.array([1e4, 1e4, -1e4, -1e4, big, big, -big, -big], dtype)
    t = np.array([1, 0, 1, 0, 1, 0, 1, 0], dtype)
    losses, dz = LOSSES["binary_cross_entropy"](np, z, t, reduction="none")
    np.testing.assert_array_equal(losses, np.array([0, 1e4, 1e4, 0, 0, big, big, 0], dtype))
    np.testing.assert_array_equal(dz, [0, 1, -1, 0, 0, 1, -1, 0])


def test_a_mean_is_finite_where_the_sum_would_overflow():
    big = np.finfo(np.float32).max
    z, t = np.array([0.0, 0, 0], np.float32), np.full(3, big)
    for weight in (None, np.ones(3, np.float32)):
        assert LOSSES["mae"](np, z, t, sample_weight=weight)[0] == pytest.approx(big, rel=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_nan_logit_makes_its_own_row_nan_and_no_other(name, rng):
    z = rng.normal(size=(3, 2))
    z[1, 0] = np.nan
    t = targets_for(name, rng, (3, 2))
    if LOSSES[name].expects == "classes":
        t[1] = 0
    losses, dz = LOSSES[name](np, z, t, reduction="none")
    assert np.isnan(losses[1]).any()
    assert np.isfinite(losses[[0, 2]]).all()
    assert np.isfinite(dz[[0, 2]]).all()
    if name != "nll":  # whose gradient does not depend on z
        assert np.isnan(dz[1, 0])


@pytest.mark.parametrize("name", ["cross_entropy", "nll"])
@pytest.mark.parametrize("label", [-1, 3, 2**40])
@pytest.mark.parametrize("weight", [None, np.array([0.0, 1, 2])])
def test_a_label_out_of_range_makes_the_loss_and_its_row_nan(name, label, weight, rng):
    z, t = rng.normal(size=(3, 3)), np.array([0, label, 2])
    value, dz = LOSSES[name](np, z, t, class_weight=weight)
    assert np.isnan(value)
    assert np.isnan(dz[1]).all()
    assert np.isfinite(dz[[0, 2]]).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [False, True])
def test_every_namespace_of_the_standard_computes_the_same(name, dtype, reduction, weighted, rng):
    z = rng.normal(size=(4, 3)).astype(dtype)
    t = targets_for(name, rng, (4, 3))
    t = t if t.ndim == 1 else t.astype(dtype)
    arrays = {"sample_weight": rng.uniform(size=4).astype(dtype)} if weighted else {}
    options = {}
    if LOSSES[name].expects == "classes" and weighted:
        arrays["class_weight"] = rng.uniform(size=3).astype(dtype)
        options["ignore_index"] = 0
    if LOSSES[name].soft_labels and dtype == "float32":
        options["label_smoothing"] = 0.1
    expected = LOSSES[name](np, z, t, reduction=reduction, **arrays, **options)
    with array_api_strict.ArrayAPIStrictFlags(api_version="2024.12"):
        xp = array_api_strict
        arrays = {key: xp.asarray(value) for key, value in arrays.items()}
        result = LOSSES[name](
            xp, xp.asarray(z), xp.asarray(t), reduction=reduction, **arrays, **options
        )
    for ours, theirs in zip(result, expected, strict=True):
        assert ours.dtype == getattr(array_api_strict, dtype)
        assert theirs.dtype == dtype
        assert ours.shape == theirs.shape
        np.testing.assert_array_equal(np.from_dlpack(ours), theirs)
