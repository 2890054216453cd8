"""Numbers, one or several a row."""

import numpy as np
import pytest
from scipy.special import xlogy
from sklearn.datasets import load_diabetes
from sklearn.metrics import mean_poisson_deviance
from sklearn.neural_network import MLPRegressor as TheirRegressor
from sklearn.preprocessing import scale

from mlpcore.sklearn import MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, T = load_diabetes(return_X_y=True)
X, T = scale(X), scale(T)
PAIRS = np.stack([T, X[:, 2]], axis=1)


def small(**settings):
    given = {"hidden_layer_sizes": (16,), "learning_rate_init": 0.01, "max_iter": 40}
    return MLPRegressor(**(given | {"random_state": 0} | settings))


def test_one_number_a_row():
    regressor = small().fit(X, T)
    assert regressor.predict(X).shape == (442,)
    assert (regressor.n_outputs_, regressor.out_activation_) == (1, "identity")
    assert regressor.score(X, T) > 0.5


def test_several_numbers_a_row():
    regressor = small().fit(X, PAIRS)
    assert regressor.predict(X).shape == (442, 2)
    assert regressor.n_outputs_ == 2
    assert regressor.score(X, PAIRS) > 0.6


def test_the_loss_is_the_objective_of_all_rows():
    """J = Σ (z - t)² / 2n + α ΣW² / 2n, of the weights before the step."""
    regressor = small(alpha=2.0, batch_size=442, max_iter=1, warm_start=True).fit(X, T)
    residual = regressor.predict(X) - T
    penalty = sum((w**2).sum() for w in regressor.coefs_)
    expected = (residual @ residual + 2.0 * penalty) / (2 * 442)
    assert regressor.fit(X, T).loss_ == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("loss", ["mae", "huber"])
def test_other_losses_of_the_library(loss):
    assert small(loss=loss).fit(X, T).score(X, T) > 0.4


COUNTS = np.random.default_rng(0).poisson(np.exp(1 + 0.5 * X[:, 2])).astype(float)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_the_poisson_loss_has_the_optimum_of_scikit_learn(solver):
    """Without hidden layers there is one optimum, that of a generalised linear model."""
    x, given = X[:, 1:4], {"hidden_layer_sizes": (), "alpha": 0, "tol": 1e-10, "max_iter": 400}
    by_steps = {"learning_rate_init": 0.05, "batch_size": 442, "n_iter_no_change": 400}
    ours = small(loss="poisson", solver=solver, **by_steps, **given).fit(x, COUNTS)
    given |= {"loss": "poisson", "solver": "lbfgs", "random_state": 0}
    theirs = TheirRegressor(**given).fit(x, COUNTS)
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x), rtol=1e-3)
    assert ours.out_activation_ == theirs.out_activation_ == "exp"
    assert ours.score(x, COUNTS) == pytest.approx(theirs.score(x, COUNTS), abs=1e-3)


def test_the_poisson_loss_is_half_the_deviance_but_for_a_constant():
    given = {"loss": "poisson", "alpha": 2.0, "batch_size": 442, "max_iter": 1}
    y = np.stack([COUNTS, COUNTS + 1], axis=1)
    regressor = small(warm_start=True, **given).fit(X, y)
    constant = (xlogy(y, y) - y).sum() / 442
    deviance = sum(mean_poisson_deviance(y[:, k], regressor.predict(X)[:, k]) for k in range(2))
    penalty = 2.0 * sum((w**2).sum() for w in regressor.coefs_) / (2 * 442)
    expected = deviance / 2 - constant + penalty
    assert regressor.fit(X, y).loss_ == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_counts_below_zero_are_refused(solver):
    with pytest.raises(ValueError, match=r"y has -1 in it, but loss='poisson' is of counts"):
        small(loss="poisson", solver=solver).fit(X, COUNTS - 1 - COUNTS.min())


def test_a_validation_score_is_that_of_the_counts():
    regressor = small(loss="poisson", early_stopping=True).fit(X, COUNTS)
    assert max(regressor.validation_scores_) > 0.2


def test_a_loss_of_ones_own():
    def squared(z, t):
        d = z[:, 0] - t
        return (d * d).mean(), (2 * d / len(d))[:, None]

    mine = small(loss=squared, alpha=0).fit(X, T)
    known = small(loss="mse", alpha=0).fit(X, T)
    np.testing.assert_allclose(mine.predict(X), known.predict(X), rtol=1e-6, atol=1e-6)


def test_partial_fit_goes_on():
    regressor = small()
    for _ in range(30):
        regressor.partial_fit(X[:200], T[:200]).partial_fit(X[200:], T[200:])
    assert regressor.t_ == 30 * 442
    assert regressor.score(X, T) > 0.5


@pytest.mark.parametrize("losses", [("squared_error", "poisson"), ("poisson", "mae")])
def test_going_on_from_counts_to_numbers_or_back_is_refused(losses):
    """What predicts e^z has learnt other z than what predicts z."""
    first, second = losses
    regressor = small(loss=first, max_iter=2, warm_start=True).fit(X, COUNTS)
    before = regressor.predict(X)
    regressor.set_params(loss=second)
    for going_on in (regressor.fit, regressor.partial_fit):
        with pytest.raises(ValueError, match=r"'poisson' predicts e\^z .*set warm_start=False"):
            going_on(X, COUNTS)
        np.testing.assert_array_equal(regressor.predict(X), before)
    anew = small(loss=second, max_iter=2).fit(X, COUNTS).predict(X)
    found = regressor.set_params(warm_start=False).fit(X, COUNTS).predict(X)
    np.testing.assert_array_equal(found, anew)


def test_partial_fit_needs_as_many_columns():
    with pytest.raises(ValueError, match="y has 2 columns, but the first time it had 1"):
        small().partial_fit(X, T).partial_fit(X, PAIRS)


def test_lbfgs_has_no_partial_fit():
    assert not hasattr(small(solver="lbfgs"), "partial_fit")


def test_constant_features_are_fine():
    x = np.concatenate([X, np.full((442, 2), 7.0)], axis=1)
    assert small().fit(x, T).score(x, T) > 0.4


@pytest.mark.parametrize(
    "settings",
    [
        {"norm": "layer"},
        {"norm": "batch", "batch_size": 64},
        {"dropout": 0.1},
        {"residual": True, "hidden_layer_sizes": (16, 16)},
        {"solver": "adamw", "solver_settings": {"weight_decay": 0.1}},
        {"solver": "lion", "learning_rate_init": 0.002},
        {"clip_norm": 0.5},
        {"schedule": lambda step: 1 / (1 + step / 200)},
        {"activation": "gelu"},
        {"activation": ["tanh", "silu"], "hidden_layer_sizes": (16, 8)},
        {"initializer": "orthogonal"},
        {"num_threads": 1, "device": "cpu"},
    ],
    ids=lambda settings: "-".join(settings),
)
def test_what_the_library_has_besides(settings):
    mine, twin = small(**settings).fit(X, T), small(**settings).fit(X, T)
    assert mine.score(X, T) > 0.45
    assert mine.model_.equals(twin.model_)


def test_clipping_bounds_the_gradient_of_the_objective():
    """Plain descent at rate 1 with all rows: the step is as long as the norm it is clipped to."""
    settings = {"solver": "sgd", "momentum": 0, "batch_size": 442, "max_iter": 1}
    regressor = small(**settings, learning_rate_init=1e-300, warm_start=True).fit(X, PAIRS)
    before = [array.copy() for array in regressor.coefs_ + regressor.intercepts_]
    regressor.set_params(learning_rate_init=1.0, clip_norm=0.01).fit(X, PAIRS)
    after = regressor.coefs_ + regressor.intercepts_
    squares = sum(((b - a) ** 2).sum() for a, b in zip(before, after, strict=True))
    assert np.sqrt(squares) == pytest.approx(0.01, rel=1e-9)


def test_the_first_predictions_are_near_zero_unless_an_initializer_is_asked_for():
    settings = {"solver": "sgd", "learning_rate_init": 1e-300, "max_iter": 1}
    assert small(**settings).fit(X, T).predict(X).std() < 0.2
    assert small(**settings, initializer="glorot_uniform").fit(X, T).predict(X).std() > 0.5
