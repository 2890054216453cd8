"""Copies, pickles and other processes; and scikit-learn's tools around the estimators."""

import copy
import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from mlpcore.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)


def small(kind=MLPClassifier, **settings):
    given = {"hidden_layer_sizes": (8,), "learning_rate_init": 0.02, "max_iter": 30}
    return kind(**(given | {"random_state": 0} | settings))


def by_joblib(estimator, folder):
    joblib.dump(estimator, folder / "estimator.joblib")
    return joblib.load(folder / "estimator.joblib")


COPIES = {
    "pickle": lambda estimator, folder: pickle.loads(pickle.dumps(estimator)),
    "deepcopy": lambda estimator, folder: copy.deepcopy(estimator),
    "joblib": by_joblib,
}
each_copy = pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)


@each_copy
def test_a_copy_predicts_the_same_bits(copied, tmp_path):
    classifier = small(early_stopping=True).fit(scale(X), Y)
    other = copied(classifier, tmp_path)
    np.testing.assert_array_equal(other.predict_proba(X), classifier.predict_proba(X))
    assert other.loss_curve_ == classifier.loss_curve_
    assert other.history_.to_dict() == classifier.history_.to_dict()


@each_copy
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_copy_goes_on_with_the_same_bits(copied, solver, tmp_path):
    settings = {"solver": solver, "dropout": 0.2, "learning_rate": "invscaling"}
    classifier = small(**settings)
    classifier.partial_fit(X[::2], Y[::2], classes=[0, 1, 2]).partial_fit(X[1::2], Y[1::2])
    other = copied(classifier, tmp_path)
    for estimator in (classifier, other):
        estimator.partial_fit(X, Y).partial_fit(X[::-1], Y[::-1])
    assert other.model_.equals(classifier.model_)


def test_the_state_holds_arrays_and_plain_values():
    state = small().partial_fit(X, Y, classes=[0, 1, 2]).__getstate__()
    assert "_trainer" not in state
    moments = [name for name in state["_trainer_state"] if name.startswith("moments.")]
    assert len(moments) == 2 * 4  # Adam's two means of two weights and two biases
    assert all(isinstance(state["_trainer_state"][name], np.ndarray) for name in moments)


def test_a_fit_keeps_no_trainer():
    assert not {"_trainer", "_trainer_state"} & set(vars(small().fit(X, Y)))


def test_a_clone_is_unfitted_and_learns_the_same_bits():
    classifier = small(activation=["tanh"], solver="adamw").fit(X, Y)
    other = clone(classifier)
    assert not hasattr(other, "coefs_")
    assert other.fit(X, Y).model_.equals(classifier.model_)


def test_a_random_state_goes_on_from_fit_to_fit():
    draw = np.random.RandomState(0)
    first, second = (small(random_state=draw).fit(X, Y) for _ in range(2))
    assert not first.model_.equals(second.model_)


def test_in_a_pipeline_of_a_grid_search_in_other_processes():
    pipeline = make_pipeline(StandardScaler(), small())
    grid = {"mlpclassifier__hidden_layer_sizes": [(4,), (12,)], "mlpclassifier__alpha": [1e-4]}
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2).fit(X, Y)
    alone = GridSearchCV(pipeline, grid, cv=2).fit(X, Y)
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"]
    )
    assert search.score(X, Y) > 0.9


def test_in_a_cross_validation():
    assert cross_val_score(small(), scale(X), Y, cv=3).mean() > 0.9


def test_what_is_assigned_to_the_weights_is_predicted_with():
    regressor = small(MLPRegressor, hidden_layer_sizes=()).fit(X, X[:, 0])
    W, b = np.array([[1.0], [2.0], [3.0], [4.0]]), np.array([0.5])
    regressor.coefs_, regressor.intercepts_ = [W], [b]
    np.testing.assert_allclose(regressor.predict(X), X @ W[:, 0] + 0.5, rtol=1e-12)


def test_what_is_written_into_the_weights_is_predicted_with():
    regressor = small(MLPRegressor, hidden_layer_sizes=()).fit(X, X[:, 0])
    regressor.coefs_[0][...] = 0
    regressor.intercepts_[0][...] = 3
    np.testing.assert_array_equal(regressor.predict(X), np.full(150, 3.0))


def test_as_many_arrays_as_layers_are_needed():
    classifier = small().fit(X, Y)
    with pytest.raises(ValueError, match="has 2 layers, got 1 arrays"):
        classifier.coefs_ = classifier.coefs_[:1]


def test_no_weights_before_the_fit():
    with pytest.raises(AttributeError):
        small().coefs_  # noqa: B018
