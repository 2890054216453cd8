"""The estimators minimise what scikit-learn minimises: from equal weights, equal steps."""

import numpy as np
import pytest
import sklearn.neural_network as theirs
from sklearn.datasets import make_multilabel_classification
from sklearn.linear_model import LogisticRegression, Ridge

import mlpcore.sklearn as ours

# max_iter ends these fits on purpose
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 5))
CLASSES = RNG.integers(0, 3, 60)
NUMBERS = RNG.standard_normal(60)
COLUMNS = RNG.standard_normal((60, 2))
LABELS = make_multilabel_classification(60, n_classes=4, random_state=0)[1]
WEIGHTS = RNG.uniform(0.1, 3, 60)

PROBLEMS = {
    "two classes": ("MLPClassifier", CLASSES > 0),
    "three classes": ("MLPClassifier", CLASSES),
    "labels": ("MLPClassifier", LABELS),
    "numbers": ("MLPRegressor", NUMBERS),
    "columns": ("MLPRegressor", COLUMNS),
}
each_problem = pytest.mark.parametrize("problem", PROBLEMS)


def pair(problem, **settings):
    """Return both estimators after a partial_fit, ours with the weights and moments of theirs."""
    name, y = PROBLEMS[problem]
    given = {"hidden_layer_sizes": (7, 6), "alpha": 0.3, "shuffle": False} | settings
    classes = {"classes": np.unique(y) if y.ndim == 1 else np.arange(4)}
    classes = classes if name == "MLPClassifier" else {}
    pair = [getattr(module, name)(random_state=1, **given) for module in (ours, theirs)]
    for estimator in pair:
        # a rate too small to move anything lets both make their network
        estimator.set_params(learning_rate_init=1e-300).partial_fit(X, y, **classes)
        estimator.set_params(**{"learning_rate_init": 0.01, "warm_start": True} | settings)
    mine, other = pair
    mine.coefs_, mine.intercepts_ = other.coefs_, other.intercepts_
    return mine, other, y


def assert_equal_weights(mine, other, rtol):
    for a, b in zip(mine.coefs_ + mine.intercepts_, other.coefs_ + other.intercepts_, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)


@each_problem
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("batch_size", [60, 25], ids=["full batch", "unequal batches"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_steps_are_those_of_scikit_learn(problem, weights, batch_size, solver):
    # Adam's eps is added after its means are corrected here, before in scikit-learn: nearly none.
    settings = {"solver": solver, "batch_size": batch_size, "epsilon": 1e-15}
    mine, other, y = pair(problem, max_iter=3, **settings)
    mine.fit(X, y, weights)
    other.fit(X, y, weights)
    assert_equal_weights(mine, other, 1e-9 if solver == "sgd" else 1e-7)
    if problem != "columns":  # of which scikit-learn shows half the mean, and descends half the sum
        np.testing.assert_allclose(mine.loss_curve_[-3:], other.loss_curve_[-3:], rtol=1e-6)


@each_problem
def test_one_full_batch_step_of_plain_descent_is_the_gradient(problem):
    mine, other, y = pair(problem, solver="sgd", momentum=0, batch_size=60, max_iter=1)
    mine.fit(X, y)
    other.fit(X, y)
    assert_equal_weights(mine, other, 1e-12)


def test_alpha_zero_has_no_penalty():
    mine, other, y = pair("three classes", solver="sgd", alpha=0, batch_size=25, max_iter=2)
    mine.fit(X, y)
    other.fit(X, y)
    assert_equal_weights(mine, other, 1e-9)


@pytest.mark.parametrize("problem", ["two classes", "three classes"])
def test_lbfgs_goes_the_same_way(problem):
    mine, other, y = pair(problem, max_iter=40)
    for estimator in (mine, other):
        estimator.set_params(solver="lbfgs").fit(X, y, WEIGHTS)
    assert_equal_weights(mine, other, 1e-5)
    assert mine.loss_ == pytest.approx(other.loss_, rel=1e-9)
    assert mine.n_iter_ == other.n_iter_


def test_lbfgs_without_hidden_layers_finds_the_logistic_regression():
    """There the optimum is unique: C of LogisticRegression is 1 / alpha, and it penalises W too."""
    mine = ours.MLPClassifier((), solver="lbfgs", alpha=0.5, tol=1e-9, random_state=0)
    mine.fit(X, CLASSES, WEIGHTS)
    known = LogisticRegression(C=2.0, tol=1e-9, max_iter=1000).fit(X, CLASSES, WEIGHTS)
    np.testing.assert_allclose(mine.coefs_[0], known.coef_.T, atol=1e-4)


@pytest.mark.parametrize("y", [NUMBERS, COLUMNS], ids=["one", "two"])
def test_lbfgs_without_hidden_layers_finds_the_ridge_regression(y):
    mine = ours.MLPRegressor((), solver="lbfgs", alpha=3.0, tol=1e-9, random_state=0)
    mine.fit(X, y, WEIGHTS)
    known = Ridge(alpha=3.0, tol=1e-12).fit(X, y, WEIGHTS)
    np.testing.assert_allclose(mine.coefs_[0], known.coef_.reshape(-1, 5).T, atol=1e-4)


def test_a_batch_without_weight_teaches_nothing():
    settings = {"solver": "sgd", "momentum": 0, "alpha": 10, "shuffle": False, "max_iter": 2}
    mine, twin = (ours.MLPRegressor(batch_size=25, random_state=0, **settings) for _ in range(2))
    weights, kept = np.ones(60), np.r_[:25, 50:60]
    weights[25:50] = 0
    mine.fit(X, NUMBERS, weights)
    twin.fit(X[kept], NUMBERS[kept])
    assert_equal_weights(mine, twin, 1e-12)
