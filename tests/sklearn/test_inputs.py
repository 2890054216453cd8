"""What X and y may be, and what is said of those that are not."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

from mlpcore.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X = scale(X)
COLUMNS = ["sepal length", "sepal width", "petal length", "petal width"]


def small(kind=MLPClassifier, **settings):
    return kind(hidden_layer_sizes=(8,), max_iter=5, random_state=0, **settings)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("method", ["fit", "predict"])
def test_what_is_no_finite_number_in_x_is_named_with_its_place(value, method):
    classifier, x = small().fit(X, Y), X.copy()
    x[71, 2] = value
    with pytest.raises(ValueError, match=r"X contains (NaN|infinity).* in row 71, column 2"):
        classifier.predict(x) if method == "predict" else classifier.fit(x, Y)


def test_so_it_is_in_a_sparse_matrix():
    x = X.copy()
    x[71] = [0, 0, np.nan, 0]
    with pytest.raises(ValueError, match="X contains NaN in row 71, column 2"):
        small().fit(sparse.csr_array(x), Y)


def test_what_is_no_finite_number_in_y_is_named_with_its_place():
    y = X[:, :2].copy()
    y[3, 1] = np.nan
    with pytest.raises(ValueError, match="y contains NaN"):
        small(MLPRegressor).fit(X, y)


def test_what_overflows_in_float32_is_named():
    x = X.copy()
    x[5, 1] = 1e300
    with pytest.raises(ValueError, match=r"1e\+300 in row 5, column 1.* too large for float32"):
        small(dtype="float32").fit(x, Y)


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        small().fit(X, Y[:-1])


def test_weights_of_another_length_are_refused():
    with pytest.raises(ValueError, match="sample_weight"):
        small().fit(X, Y, np.ones(149))


def test_weights_below_zero_are_refused():
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        small().fit(X, Y, np.r_[-1, np.ones(149)])


@pytest.mark.parametrize("make", [sparse.csr_array, sparse.csc_matrix, sparse.coo_array])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_sparse_rows_give_the_bits_of_dense_ones(make, solver):
    x = np.where(np.abs(X) < 0.5, 0, X)
    weights = np.linspace(0, 2, 150)
    settings = {"solver": solver, "batch_size": 40}
    dense = small(**settings).fit(x, Y, weights)
    thin = small(**settings).fit(make(x), Y, weights)
    assert dense.model_.equals(thin.model_)
    np.testing.assert_array_equal(dense.predict_proba(x), thin.predict_proba(make(x)))
    np.testing.assert_array_equal(dense.predict_log_proba(x), thin.predict_log_proba(make(x)))


def test_sparse_rows_may_stop_early():
    x = sparse.csr_array(X)
    thin = small(early_stopping=True).fit(x, Y)
    assert thin.validation_scores_ == small(early_stopping=True).fit(X, Y).validation_scores_


@pytest.mark.parametrize(("given", "used"), [("float32", "float32"), ("float64", "float64")])
def test_it_computes_in_the_dtype_of_x(given, used):
    classifier = small().fit(X.astype(given), Y)
    assert classifier.model_.dtype == used
    assert classifier.predict_proba(X).dtype == used


def test_it_computes_in_another_dtype_if_asked_to():
    assert small(dtype="float32").fit(X, Y).coefs_[0].dtype == np.float32


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_have_names(library):
    frames = pytest.importorskip(library)
    frame = frames.DataFrame({name: X[:, i] for i, name in enumerate(COLUMNS)})
    target = frames.Series(np.array(["a", "b", "c"])[Y])
    classifier = small().fit(frame, target)
    assert classifier.feature_names_in_.tolist() == COLUMNS
    assert classifier.classes_.tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(
        classifier.predict_proba(frame), small().fit(X, Y).predict_proba(X)
    )
    with pytest.raises(ValueError, match="feature names should match"):
        classifier.predict(frame[COLUMNS[::-1]])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"solver": "adm"}, "unknown solver 'adm'.* did you mean 'adam'"),
        ({"learning_rate": "falling"}, "unknown learning_rate 'falling'"),
        ({"activation": "rely"}, "unknown activation 'rely'.* did you mean 'relu'"),
        ({"hidden_layer_sizes": (8, 0)}, r"hidden_layer_sizes .* got \(8, 0\)"),
        ({"alpha": -1}, "alpha must not be negative"),
        ({"learning_rate_init": 0}, "learning_rate_init must be positive"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"max_iter": 0}, "max_iter must be at least 1"),
        ({"momentum": 1.0, "solver": "sgd"}, "momentum must be at least 0 and below 1"),
        ({"beta_1": 1.0}, "beta1 must be at least 0 and below 1"),
        ({"n_iter_no_change": 0}, "n_iter_no_change must be at least 1"),
        ({"early_stopping": True, "validation_fraction": 0}, "must lie between 0 and 1"),
        ({"solver": "lbfgs", "dropout": 0.5}, "knows nothing of dropout"),
        ({"solver_settings": {"lr": 1.0}}, "give learning_rate_init"),
        ({"norm": "batch", "batch_size": 149}, "one batch has 1; choose another batch_size"),
        ({"loss": "hinge"}, "unknown loss 'hinge'"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_parameters_are_checked_before_any_work(settings, message):
    given = {"hidden_layer_sizes": (8,)} | settings
    with pytest.raises(ValueError, match=message):
        MLPClassifier(**given).fit(X, Y)


def test_a_batch_larger_than_the_data_is_all_of_them():
    with pytest.warns(UserWarning, match="batch_size=500 is more than the 150 rows") as told:
        mine = small(batch_size=500).fit(X, Y)
    assert sum("batch_size=500" in str(each.message) for each in told) == 1
    assert mine.model_.equals(small(batch_size=150).fit(X, Y).model_)
