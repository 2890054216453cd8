"""Whether a column of targets asks for classes or for values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpcore.cli.target import MOST_CLASSES, Classes, Values, choose


def repeated(*values, times=3):
    return np.array(values * times)


@pytest.mark.parametrize(
    ("t", "names"),
    [
        (repeated("b", "a"), ("a", "b")),
        (repeated("2", "10", "x"), ("10", "2", "x")),
        (repeated(2.0, 10.0, -1.0), ("-1", "2", "10")),
        (repeated(2, 10), ("2", "10")),
        (repeated(True, False), ("False", "True")),
        (repeated(b"b", b"a"), ("a", "b")),
        (repeated(*range(MOST_CLASSES)), tuple(map(str, range(MOST_CLASSES)))),
        (repeated("a", "b", times=1), ("a", "b")),
    ],
    ids=repr,
)
def test_text_and_few_whole_numbers_are_classes(t, names):
    target = choose(t)
    assert isinstance(target, Classes)
    assert target.task == "classification"
    assert target.names == names
    assert target.outputs == len(names)


@given(st.lists(st.sampled_from("abc"), min_size=8).filter(lambda t: len(set(t)) > 1))
def test_a_label_is_the_place_of_its_class(t):
    target = choose(np.array(t))
    assert [target.names[label] for label in target.t] == t
    assert target.t.dtype == np.int64


@pytest.mark.parametrize(
    ("t", "reason"),
    [
        (repeated(0.5, 1.0), "with a fraction"),
        (repeated(*range(MOST_CLASSES + 1)), "21 different values in 63 rows"),
        (np.arange(5), "5 different values in 5 rows"),
        (np.ones((6, 2)), "2 columns"),
    ],
)
def test_other_numbers_are_values(t, reason):
    target = choose(t)
    assert isinstance(target, Values)
    assert target.task == "regression"
    assert reason in target.reason
    np.testing.assert_array_equal(target.t, t.reshape(len(t), -1))


def test_being_told_beats_looking():
    assert isinstance(choose(repeated(1, 2), "regression"), Values)
    found = choose(np.array([0.5, 1.5, 0.5]), "classification")
    assert isinstance(found, Classes)
    assert found.names == ("0.5", "1.5")
    assert "--task" in found.reason


def test_a_single_column_is_as_good_as_a_vector():
    assert isinstance(choose(repeated(1, 2)[:, None]), Classes)


def test_many_classes_are_not_all_spelled_out():
    assert str(choose(repeated(*range(12)))).endswith("(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...)")


@pytest.mark.parametrize(
    ("t", "task", "words"),
    [
        (repeated("a"), "auto", "only one class, 'a'"),
        (repeated(5, times=9), "auto", "only one class, '5'"),
        (repeated("1", "x"), "regression", r"needs numbers.*'x' \(row 2\)"),
        (repeated("1", "2"), "regression", "needs numbers, and the target holds '1'"),
        (repeated(b"\xff", b"\xfe"), "auto", "two classes have one name"),
        (np.ones((4, 2)), "classification", "one target a row, got 2 columns"),
        (
            np.array([*"12345", "6.7.8"]),
            "auto",
            r"text such as '6\.7\.8' \(row 6\), but 6 different",
        ),
        (np.array([*"abcdef"]), "auto", "hardly classes; say what it is with --task"),
    ],
)
def test_what_cannot_be_learnt(t, task, words):
    with pytest.raises(ValueError, match=words):
        choose(t, task)


def test_classes_share_the_held_out_rows_and_values_do_not():
    np.testing.assert_array_equal(choose(repeated("b", "a")).strata, [1, 0] * 3)
    np.testing.assert_array_equal(choose(np.arange(3.0) / 2).strata, [0, 0, 0])
