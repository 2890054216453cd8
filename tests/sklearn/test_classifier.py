"""Classes of any kind, probabilities, and learning piece by piece."""

import numpy as np
import pytest
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.preprocessing import scale

import mlpcore
from mlpcore.sklearn import MLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, SPECIES = load_iris(return_X_y=True)
X = scale(X)
NAMES = np.array(["setosa", "versicolor", "virginica"])[SPECIES]


def small(**settings):
    given = {"hidden_layer_sizes": (8,), "learning_rate_init": 0.02, "max_iter": 40}
    return MLPClassifier(**(given | {"random_state": 0} | settings))


def test_labels_may_be_words():
    classifier = small().fit(X, NAMES)
    assert classifier.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert set(classifier.predict(X)) <= set(NAMES)
    assert classifier.score(X, NAMES) > 0.9


def test_two_classes_have_one_output_with_the_logistic_function():
    classifier = small().fit(X[:100], NAMES[:100])
    assert (classifier.n_outputs_, classifier.out_activation_) == (1, "logistic")
    assert [w.shape for w in classifier.coefs_] == [(4, 8), (8, 1)]
    assert classifier.predict_proba(X[:5]).shape == (5, 2)


def test_more_classes_have_softmax():
    classifier = small().fit(X, SPECIES)
    assert (classifier.n_outputs_, classifier.out_activation_) == (3, "softmax")
    assert classifier.n_layers_ == 3


@pytest.mark.parametrize("rows", [100, 150], ids=["two classes", "three classes"])
def test_probabilities_add_up_and_their_largest_is_predicted(rows):
    classifier = small().fit(X[:rows], SPECIES[:rows])
    p = classifier.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_array_equal(classifier.classes_[p.argmax(axis=1)], classifier.predict(X))


@pytest.mark.parametrize("rows", [100, 150], ids=["two classes", "three classes"])
def test_log_probabilities_are_finite_where_probabilities_vanish(rows):
    classifier = small().fit(X[:rows], SPECIES[:rows])
    np.testing.assert_allclose(
        classifier.predict_log_proba(X), np.log(classifier.predict_proba(X)), rtol=1e-6, atol=1e-9
    )
    far = classifier.predict_log_proba(1e5 * X)
    assert np.isfinite(far).all()
    assert far.min() < -1000


def test_rows_may_have_several_labels():
    x, y = make_multilabel_classification(200, n_classes=4, random_state=0)
    classifier = small(max_iter=100).fit(scale(x), y)
    assert classifier.classes_.tolist() == [0, 1, 2, 3]
    p = classifier.predict_proba(scale(x))
    np.testing.assert_array_equal(classifier.predict(scale(x)), p > 0.5)
    np.testing.assert_allclose(classifier.predict_log_proba(scale(x)), np.log(p), rtol=1e-6)
    assert classifier.score(scale(x), y) > 0.5


def test_partial_fit_sees_classes_one_after_the_other():
    classifier = small()
    for _ in range(60):
        for part in np.array_split(np.arange(150), 3):  # of one class each
            classifier.partial_fit(X[part], NAMES[part], classes=np.unique(NAMES))
    assert classifier.t_ == 60 * 150
    assert len(classifier.loss_curve_) == 180
    assert classifier.n_iter_ == 1


def test_partial_fit_on_all_rows_is_an_epoch_of_fit():
    whole = small(max_iter=3, shuffle=False).fit(X, SPECIES)
    pieces = small(shuffle=False)
    for _ in range(3):
        pieces.partial_fit(X, SPECIES, classes=[0, 1, 2])
    assert whole.model_.equals(pieces.model_)


def test_classes_are_needed_at_first():
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        small().partial_fit(X, NAMES)


def test_a_label_that_is_none_of_the_classes_is_named_with_its_row():
    classifier = small().partial_fit(X, NAMES, classes=np.unique(NAMES))
    wrong = NAMES.copy().astype("U20")
    wrong[17] = "sunflower"
    with pytest.raises(ValueError, match=r"not in classes_: 'sunflower', first in row 17"):
        classifier.partial_fit(X, wrong)


def test_classes_stay_what_they_were():
    classifier = small().partial_fit(X, SPECIES, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="not what the first call of partial_fit was given"):
        classifier.partial_fit(X, SPECIES, classes=[0, 1, 2, 3])


def test_a_single_class_is_learnt_with_a_warning():
    with pytest.warns(UserWarning, match="one class only, 'setosa'"):
        classifier = small().fit(X[:50], NAMES[:50])
    assert set(classifier.predict(X)) == {"setosa"}


def test_numbers_are_no_classes():
    with pytest.raises(ValueError, match="Unknown label type"):
        small().fit(X, X[:, 0])


def test_several_columns_of_classes_are_refused():
    with pytest.raises(ValueError, match="several columns of classes"):
        small().fit(X, np.stack([SPECIES, SPECIES[::-1]], axis=1))


def test_class_weights_multiply_sample_weights():
    weights = np.linspace(0.5, 2, 150)
    factors = np.array([1.0, 3.0, 0.5])
    mine = small(class_weight={"setosa": 1.0, "versicolor": 3.0, "virginica": 0.5})
    twin = small().fit(X, NAMES, weights * factors[SPECIES])
    assert mine.fit(X, NAMES, weights).model_.equals(twin.model_)


def test_balanced_weights_give_rare_classes_their_share():
    rows = np.r_[50:100, 100:105]
    plain = small(alpha=0, max_iter=15).fit(X[rows], SPECIES[rows])
    even = small(alpha=0, max_iter=15, class_weight="balanced").fit(X[rows], SPECIES[rows])
    rare = X[100:150]
    assert even.predict_proba(rare)[:, 1].mean() > plain.predict_proba(rare)[:, 1].mean()


def test_balanced_weights_need_all_rows():
    with pytest.raises(ValueError, match="partial_fit does not have"):
        small(class_weight="balanced").partial_fit(X, SPECIES, classes=[0, 1, 2])


def test_a_loss_of_classes_gives_two_classes_an_output_each():
    smooth = mlpcore.loss("cross_entropy", label_smoothing=0.2)
    classifier = small(loss=smooth, max_iter=200, tol=0).fit(X[:100], NAMES[:100])
    assert (classifier.n_outputs_, classifier.out_activation_) == (2, "softmax")
    # The smoothed loss of a row is least at p = 0.9; without smoothing it falls up to p = 1.
    plain = small(max_iter=200, tol=0).fit(X[:100], NAMES[:100])
    assert 0.85 < classifier.predict_proba(X[:100]).max(axis=1).mean() < 0.95
    assert plain.predict_proba(X[:100]).max(axis=1).mean() > 0.99


def test_a_loss_that_does_not_suit_probabilities_is_refused():
    with pytest.raises(ValueError, match="does not belong to output"):
        small(loss="mse").fit(X, SPECIES)
