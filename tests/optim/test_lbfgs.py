"""L-BFGS finds the minimum of a convex problem, and leaves models alone that it cannot help."""

from itertools import pairwise

import numpy as np
import pytest

from mlpcore import MLP
from mlpcore.optim import lbfgs

optimize = pytest.importorskip("scipy.optimize", reason="L-BFGS is SciPy's")


def classes(rows=90, features=4, seed=0):
    """Return rows of three classes that overlap."""
    rng = np.random.default_rng(seed)
    t = rng.integers(0, 3, rows)
    return rng.normal(size=(rows, features)) + np.eye(3, features)[t], t


def regression(dtype=np.float64, **settings):
    """Return a model without a hidden layer: multinomial regression, a convex problem."""
    return MLP([4, 3], output="softmax", dtype=dtype, device="cpu", seed=0, **settings)


def test_multinomial_regression_is_scikit_learns():
    """C Σ loss + ½ ΣW² is n C (mean loss + λ/2 ΣW²) for λ = 1 / (n C)."""
    linear = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is the reference")
    x, t = classes()
    theirs = linear.LogisticRegression(C=0.5, tol=1e-10, max_iter=1000).fit(x, t)
    model = regression()
    result = lbfgs.minimize(model, x, t, l2=1 / (0.5 * len(x)), tol=1e-9)
    assert result.converged
    assert result.largest_slope < 1e-7
    np.testing.assert_allclose(model.parameters()["layers.0.weight"], theirs.coef_, atol=1e-6)
    np.testing.assert_allclose(model(x), theirs.predict_proba(x), atol=1e-6)


def test_least_squares_are_solved():
    """The normal equations of mean (x w + b - t)²."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 3))
    t = rng.normal(size=(40, 1))
    model = MLP([3, 1], dtype=np.float64, device="cpu", seed=0)
    result = lbfgs.minimize(model, x, t, loss="mse", tol=1e-10)
    exact, *_ = np.linalg.lstsq(np.c_[x, np.ones(40)], t, rcond=None)
    named = model.parameters()
    np.testing.assert_allclose(named["layers.0.weight"][0], exact[:3, 0], atol=1e-8)
    np.testing.assert_allclose(named["layers.0.bias"], exact[3], atol=1e-8)
    assert result.objective == pytest.approx(float(model.value_and_grad(x, t, "mse")[0]), rel=1e-12)


def test_the_objective_falls_and_every_iteration_is_told():
    x, t = classes()
    model, told = regression(), []
    before = float(model.value_and_grad(x, t, l2=0.1)[0])
    result = lbfgs.minimize(model, x, t, l2=0.1, callback=told.append)
    assert result.objectives[0] == before
    assert [each.objective for each in told] == list(result.objectives[1:])
    assert [each.number for each in told] == list(range(1, result.iterations + 1))
    assert all(a >= b for a, b in pairwise(result.objectives))
    assert result.objective == result.objectives[-1]


def test_a_float32_model_gets_the_rounded_parameters_of_a_float64_one():
    x, t = classes()
    x = x.astype(np.float32).astype(np.float64)
    single, double = regression(np.float32), regression(np.float32).astype(np.float64)
    lbfgs.minimize(single, x.astype(np.float32), t, l2=0.1)
    lbfgs.minimize(double, x, t, l2=0.1)
    assert single.dtype == np.float32
    for name, view in single.parameters().items():
        np.testing.assert_array_equal(view, double.parameters()[name].astype(np.float32))


def test_hidden_layers_learn_too():
    x, t = classes(60)
    model = MLP([4, 8, 3], "tanh", "softmax", dtype=np.float64, device="cpu", seed=0)
    result = lbfgs.minimize(model, x, t, l2=1e-3, max_iter=50)
    assert result.objective < 0.6 * result.objectives[0]


def test_sample_weights_count_as_repeated_rows():
    x, t = classes(30)
    weights = np.random.default_rng(2).integers(1, 4, 30)
    weighted, repeated = regression(), regression()
    lbfgs.minimize(weighted, x, t, l2=0.1, sample_weight=weights.astype(float), tol=1e-9)
    lbfgs.minimize(repeated, np.repeat(x, weights, 0), np.repeat(t, weights), l2=0.1, tol=1e-9)
    np.testing.assert_allclose(weighted(x), repeated(x), atol=1e-6)


def test_a_callback_may_end_it():
    x, t = classes()
    result = lbfgs.minimize(regression(), x, t, callback=lambda each: each.number == 2)
    assert result.iterations == 2
    assert not result.converged


def test_max_iter():
    x, t = classes()
    result = lbfgs.minimize(regression(), x, t, max_iter=1, tol=1e-12)
    assert (result.iterations, result.converged) == (1, False)
    model = regression()
    same = model.copy()
    nothing = lbfgs.minimize(model, x, t, max_iter=0)
    assert (nothing.iterations, nothing.evaluations, nothing.converged) == (0, 1, False)
    assert model.equals(same)


def test_what_goes_wrong_leaves_the_model_as_it_was():
    x, t = classes()
    model = regression()
    same = model.copy()

    def breaks(each):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        lbfgs.minimize(model, x, t, callback=breaks)
    for settings, error, message in (
        ({"max_iter": -1}, ValueError, "max_iter must be at least 0"),
        ({"tol": 0}, ValueError, "tol must be positive"),
        ({"memory": 0}, ValueError, "memory must be at least 1"),
        ({"l2": -1}, ValueError, "l2 must not be negative"),
        ({"loss": "mystery"}, ValueError, "unknown loss"),
    ):
        with pytest.raises(error, match=message):
            lbfgs.minimize(model, x, t, **settings)
    assert model.equals(same)


def test_nothing_descends_from_infinity():
    model = MLP([4, 3], dtype=np.float64, device="cpu", seed=0)
    same = model.copy()
    with pytest.raises(ValueError, match="is inf at the model's parameters"):
        lbfgs.minimize(model, classes()[0], np.full((90, 3), 1e200), loss="mse")
    assert model.equals(same)


def test_without_scipy_it_says_what_to_install(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(lbfgs, "import_module", missing)
    with pytest.raises(ImportError, match=r"pip install 'mlpcore\[scipy\]'"):
        lbfgs.minimize(regression(), *classes())


def test_of_no_rows_there_is_nothing_to_minimise():
    with pytest.raises(ValueError, match="at least one row"):
        lbfgs.minimize(regression(), np.ones((0, 4)), np.zeros(0, int))
