"""When a fit ends, which warnings it gives, and at which rate it goes on."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from mlpcore.callbacks import Callback, EarlyStopping, LearningRateLog
from mlpcore.sklearn import MLPClassifier, MLPRegressor

X, Y = load_digits(n_class=4, return_X_y=True)
X = X / 16


def small(**settings):
    given = {"hidden_layer_sizes": (8,), "learning_rate_init": 0.02, "random_state": 0}
    return MLPClassifier(**(given | settings))


def test_it_ends_when_the_loss_gets_no_better():
    classifier = small(tol=0.01, n_iter_no_change=3).fit(X, Y)
    curve = np.array(classifier.loss_curve_)
    assert classifier.n_iter_ == len(curve) < 200
    assert classifier.best_loss_ == curve.min()
    assert "training loss did not improve by 0.01 for 4 epochs" in classifier.history_.stopped
    # Each of the last four missed by less than tol what was best before it, the one before did not.
    best = np.minimum.accumulate(np.r_[np.inf, curve[:-1]])
    assert ((curve > best - 0.01)[-5:] == [False, True, True, True, True]).all()


def test_it_warns_when_max_iter_ends_it():
    with pytest.warns(ConvergenceWarning, match=r"max_iter=3\) reached"):
        small(max_iter=3).fit(X, Y)


def test_lbfgs_warns_when_max_iter_ends_it():
    with pytest.warns(ConvergenceWarning, match="lbfgs has not converged after 2 iterations"):
        small(solver="lbfgs", max_iter=2).fit(X, Y)


def test_lbfgs_warns_when_max_fun_ends_it():
    with pytest.warns(ConvergenceWarning, match="max_fun"):
        small(solver="lbfgs", max_fun=4).fit(X, Y)


def test_early_stopping_scores_rows_held_out_and_keeps_the_best():
    classifier = small(early_stopping=True, validation_fraction=0.2, n_iter_no_change=5).fit(X, Y)
    scores = classifier.validation_scores_
    assert len(scores) == classifier.n_iter_ == len(classifier.loss_curve_)
    assert classifier.best_validation_score_ == max(scores)
    assert "validation score did not improve" in classifier.history_.stopped
    assert classifier.history_["validation_score"] == scores
    # It ends with the parameters of the best epoch, as a fit that ends there has them.
    epochs = int(np.argmax(scores)) + 1
    with pytest.warns(ConvergenceWarning):
        shorter = small(early_stopping=True, validation_fraction=0.2, max_iter=epochs).fit(X, Y)
    assert classifier.model_.equals(shorter.model_)


def test_without_early_stopping_there_are_no_scores():
    classifier = small(tol=0.1).fit(X, Y)
    assert classifier.validation_scores_ is None
    assert classifier.best_validation_score_ is None


def test_a_validation_part_without_rows_is_refused():
    with pytest.raises(ValueError, match=r"validation_fraction=0.01 of 20 rows leaves 1 to valid"):
        small(early_stopping=True, validation_fraction=0.01).fit(X[:20], Y[:20])


def test_rare_classes_do_not_prevent_early_stopping():
    y = np.r_[[9], Y[1:]]  # a class of one row cannot be on both sides
    assert small(early_stopping=True).fit(X, y).classes_.tolist() == [0, 1, 2, 3, 9]


def test_partial_fit_cannot_stop_early():
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping"):
        small(early_stopping=True).partial_fit(X, Y, classes=range(4))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_inverse_scaling_divides_by_a_power_of_the_rows_seen():
    log = LearningRateLog()
    settings = {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.25, "max_iter": 4}
    classifier = small(**settings, callbacks=[log]).fit(X, Y)
    rates = [0.02 / (n * len(X) + 1) ** 0.25 for n in range(5)]
    # The log is told before the rate of the next epoch is set.
    assert classifier.history_["lr"] == pytest.approx([0.02, *rates[1:4]])


def test_the_adaptive_rate_falls_until_it_is_too_small():
    classifier = small(
        solver="sgd",
        learning_rate="adaptive",
        tol=10.0,  # nothing is enough
        n_iter_no_change=1,
        callbacks=[LearningRateLog()],
    ).fit(X, Y)
    rates = np.unique(classifier.history_["lr"])[::-1]
    np.testing.assert_allclose(rates, 0.02 / 5.0 ** np.arange(8))
    assert rates[-1] <= 1e-6 < rates[-2]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_warm_start_goes_on_with_the_network():
    classifier = small(max_iter=5, warm_start=True).fit(X, Y)
    first = classifier.loss_curve_[-1]
    classifier.fit(X, Y)
    assert len(classifier.loss_curve_) == 10
    assert classifier.loss_curve_[5] < 1.5 * first
    assert classifier.t_ == 10 * len(X)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_warm_start_needs_the_same_network():
    classifier = small(max_iter=2, warm_start=True).fit(X, Y)
    with pytest.raises(ValueError, match=r"of widths \[64, 8, 4\], but now \[64, 9, 4\]"):
        classifier.set_params(hidden_layer_sizes=(9,)).fit(X, Y)


@pytest.mark.filterwarnings("ignore:the training diverged:RuntimeWarning")  # so fit says it, too
def test_a_diverging_fit_is_an_error_that_says_what_helps():
    regressor = MLPRegressor(solver="sgd", learning_rate_init=1e3, random_state=0)
    with pytest.raises(ValueError, match=r"diverged: its loss was (inf|nan) after epoch \d+"):
        regressor.fit(100 * X, Y)


def test_callbacks_watch():
    stopped = small(callbacks=[EarlyStopping("loss", patience=1, min_delta=0.05)]).fit(X, Y)
    assert stopped.history_.stopped.startswith("loss was no better")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_callbacks_are_taken_as_the_core_takes_them():
    class Note(Callback):
        ended = 0

        def on_end(self, run):
            self.ended += 1

    note = Note()
    for given in (note, (note,), None, ()):
        small(max_iter=2, callbacks=given).fit(X, Y)
    assert note.ended == 2
    with pytest.raises(TypeError, match=r"callbacks must be a sequence .*Note is the class, make"):
        small(callbacks=[Note]).fit(X, Y)


def test_callbacks_may_monitor_the_validation_score():
    watcher = EarlyStopping("validation_score", patience=2, mode="max")
    classifier = small(early_stopping=True, callbacks=[watcher], n_iter_no_change=50).fit(X, Y)
    assert classifier.history_.stopped.startswith("validation_score was no better")


def test_an_interrupted_fit_keeps_what_was_learnt():
    class Interrupting(Callback):
        def on_epoch_end(self, run):
            if run.epoch == 4:
                raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="training was interrupted"):
        classifier = small(callbacks=[Interrupting()]).fit(X, Y)
    assert classifier.n_iter_ == 5
    assert classifier.score(X, Y) > 0.9


def test_a_fit_may_be_interrupted_before_its_first_epoch_ends():
    class Interrupting(Callback):
        def on_epoch_begin(self, run):
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="training was interrupted"):
        classifier = small(callbacks=[Interrupting()]).fit(X, Y)
    assert (classifier.n_iter_, classifier.loss_curve_, classifier.best_loss_) == (0, [], np.inf)
    assert classifier.predict(X).shape == Y.shape


def test_verbose_prints_a_line_for_each_epoch(capsys):
    classifier = small(verbose=True, early_stopping=True, tol=0.02, n_iter_no_change=2).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Iteration 1, loss = ")
    assert lines[1].startswith("Validation score: ")
    assert len(lines) == 2 * classifier.n_iter_ + 1
    assert lines[-1].endswith("stopping.")
