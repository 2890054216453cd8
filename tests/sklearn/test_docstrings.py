"""Each estimator documents all it takes, and what both have in common in the same words."""

import inspect
import re

import pytest

from mlpcore.sklearn import MLPClassifier, MLPRegressor

OWN = {"loss", "class_weight", "classes_"}


def documented(kind, section):
    """Return what a section of the docstring says, by the names before each colon."""
    found = inspect.getdoc(kind).split(f"\n{section}\n{'-' * len(section)}\n")[1]
    entries = re.split(r"\n(?=\S)", found.partition("\n\n")[0])
    return {re.split(r" : |\n", entry)[0]: entry for entry in entries}


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_every_parameter_is_documented_in_the_order_of_the_signature(kind):
    names = ", ".join(documented(kind, "Parameters")).split(", ")
    assert names == list(inspect.signature(kind).parameters)


@pytest.mark.parametrize("section", ["Parameters", "Attributes"])
def test_what_both_have_is_said_in_the_same_words(section):
    ours, theirs = (documented(kind, section) for kind in (MLPClassifier, MLPRegressor))
    common = (ours.keys() & theirs.keys()) - OWN
    assert ours.keys() ^ theirs.keys() <= OWN
    assert {name: ours[name] for name in common} == {name: theirs[name] for name in common}
