"""Whatever a fit cannot work with is told before any work, with the place where it stands."""

import re

import numpy as np
import pytest

from mlpcore import MLP

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 4)).astype(np.float32)
T = (X[:, 0] > 0).astype(np.int64)


def model(output="softmax", outputs=2):
    return MLP([4, 5, outputs], output=output, seed=0)


def with_value(array, place, value):
    changed = array.astype(np.float64)
    changed[place] = value
    return changed


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_none_is_named_with_row_and_column(value):
    net = model()
    with pytest.raises(ValueError, match=f"^x has {value} in row 37, column 2, in float32"):
        net.fit(with_value(X, (37, 2), value), T)
    with pytest.raises(ValueError, match=f"^validation_data: x has {value} in row 3, column 0"):
        net.fit(X, T, validation_data=(with_value(X, (3, 0), value), T))
    assert net.equals(model())
    net = model("identity")
    with pytest.raises(ValueError, match=f"^t has {value} in row 7, column 1"):
        net.fit(X, with_value(X[:, :2], (7, 1), value))
    with pytest.raises(ValueError, match=f"^t has {value} in row 7, in float32"):
        model("identity", 1).fit(X, with_value(X[:, 0], 7, value))
    assert net.equals(model("identity"))


def test_a_number_too_large_for_the_dtype_of_the_model_is_named():
    with pytest.raises(ValueError, match="x has inf in row 1, column 1, in float32"):
        model().fit(with_value(X, (1, 1), 1e300), T)


def test_numbers_whose_squares_are_too_large_are_no_error():
    x = X * np.float32(1e-3)
    x[3, 3] = 1e30
    assert len(model().fit(x, T, epochs=1, optimizer="sgd", lr=1e-38, metrics=[])) == 1
    assert len(model().fit(x[:, ::-1], T, epochs=1, optimizer="sgd", lr=1e-38, metrics=[])) == 1


def test_a_loss_of_ones_own_may_know_what_nan_in_its_targets_means():
    def observed(z, t):
        there = np.isfinite(t)
        error = np.where(there, z - t, 0)
        return (error**2).sum() / there.sum(), 2 * error / there.sum()

    t = X[:, :2].copy()
    t[::3, 0] = np.nan
    history = model("identity").fit(X, t, loss=observed, epochs=2)
    assert np.isfinite(history["loss"]).all()


@pytest.mark.parametrize(
    ("t", "error", "words"),
    [
        (np.where(np.arange(50) == 9, 2, T), ValueError, "label 2 in row 9 is not a class"),
        (np.where(np.arange(50) == 9, -1, T), ValueError, "label -1 in row 9 is not a class"),
        (T[:49], ValueError, "t must begin with (50,)"),
        (T + 0.5, TypeError, "class labels of an integer dtype"),
        (None, TypeError, "t is missing"),
    ],
)
def test_targets_that_do_not_fit_are_refused(t, error, words):
    net = model()
    with pytest.raises(error, match=re.escape(words)):
        net.fit(X, t)
    assert net.equals(model())


def test_one_class_only_is_worth_a_warning():
    with pytest.warns(UserWarning, match="all 50 targets are 1: there is one class only"):
        model().fit(X, np.ones(50, int), epochs=1)
    with pytest.warns(UserWarning, match=r"all 50 targets are 0\.0"):
        model("sigmoid", 1).fit(X, np.zeros(50), epochs=1)
    model().fit(X[:1], T[:1], epochs=1)  # one row has one class
    model("identity").fit(X, np.ones((50, 2)), epochs=1)  # no classes


def test_constant_features_are_fine():
    x = X.copy()
    x[:, 1] = 3
    net = MLP([4, 5, 2], output="softmax", standardize=True, seed=0)
    net.adapt(x)
    assert np.isfinite(net.fit(x, T, epochs=3)["loss"]).all()


def test_a_loss_that_diverges_is_told_once_with_its_step():
    x, t = X * 1e3, X[:, :2]
    with pytest.warns(RuntimeWarning) as found:
        model("identity").fit(x, t, epochs=3, optimizer="sgd", lr=1e3)
    (warning,) = found
    words = r"the training diverged: its loss was NaN or infinite in step \d of epoch \d"
    assert re.search(words, str(warning.message))


def test_the_step_that_is_told_is_the_first():
    losses = []

    def late(z, t):
        losses.append(len(losses))
        return (np.nan if len(losses) >= 9 else 1.0), np.zeros_like(z)

    with pytest.warns(RuntimeWarning, match="in step 4 of epoch 2"):
        model("identity").fit(X, X[:, :2], loss=late, epochs=4, batch_size=10)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"validation_split": 1.0}, ValueError, "must lie between 0 and 1"),
        ({"validation_split": "a"}, TypeError, "validation_split must be a number"),
        ({"validation_split": 0.001}, ValueError, "of 50 rows leaves none to validate"),
        ({"validation_split": 0.999}, ValueError, "of 50 rows leaves none to train on"),
        ({"validation_split": 0.5, "validation_data": (X, T)}, ValueError, "not both"),
        ({"validation_data": (X, T, T, T)}, TypeError, "^validation_data: expected"),
        ({"validation_data": X}, TypeError, "^validation_data: expected a pair"),
        ({"validation_data": (X, T, np.ones(3))}, ValueError, "^validation_data: sample_weight of"),
        ({"steps_per_epoch": 0}, ValueError, "steps_per_epoch must be at least 1"),
        ({"class_weight": "even"}, ValueError, "'balanced'"),
        ({"class_weight": {5: 2.0}}, ValueError, "class 5"),
        ({"class_weight": [1.0, -1.0]}, ValueError, "must not be negative"),
    ],
)
def test_options_that_do_not_fit_are_refused(changes, error, words):
    net = model()
    with pytest.raises(error, match=words):
        net.fit(X, T, **changes)
    assert net.equals(model())
