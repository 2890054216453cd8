"""With the same settings the scores on data never seen are those of scikit-learn, or better.

Two networks that differ in their initial weights and orders alone differ in score: over seeds by
the spread that the comparison allows, the standard deviation of a mean of so many seeds, twice.
"""

import numpy as np
import pytest
import sklearn.neural_network as theirs
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import mlpcore.sklearn as ours

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SEEDS = range(4)
CASES = {
    "digits": (load_digits, "MLPClassifier", {"max_iter": 20}),
    "breast cancer": (
        load_breast_cancer,
        "MLPClassifier",
        {"max_iter": 30, "early_stopping": True},
    ),
    "diabetes": (load_diabetes, "MLPRegressor", {"learning_rate_init": 0.01, "max_iter": 60}),
}


@pytest.mark.parametrize("case", CASES)
def test_scores_are_not_below_those_of_scikit_learn(case):
    load, name, settings = CASES[case]
    train_x, test_x, train_t, test_t = train_test_split(*load(return_X_y=True), random_state=0)
    scaler = StandardScaler().fit(train_x)
    found = {}
    for module in (ours, theirs):
        networks = [
            getattr(module, name)(hidden_layer_sizes=(32,), random_state=seed, **settings).fit(
                scaler.transform(train_x), train_t
            )
            for seed in SEEDS
        ]
        found[module] = np.array([n.score(scaler.transform(test_x), test_t) for n in networks])
    mine, other = found[ours], found[theirs]
    spread = np.sqrt((mine.var(ddof=1) + other.var(ddof=1)) / len(SEEDS))
    one_row = 1 / len(test_t)
    assert mine.mean() > other.mean() - 2 * spread - one_row, (mine, other)
