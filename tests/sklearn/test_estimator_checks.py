"""scikit-learn's own checks of estimators, all of them, with none expected to fail."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from mlpcore.sklearn import MLPClassifier, MLPRegressor


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # at max_iter=200
@pytest.mark.filterwarnings("ignore:y holds one class only")
@parametrize_with_checks([MLPClassifier(), MLPRegressor()])
def test_the_checks_of_scikit_learn(estimator, check):
    check(estimator)
