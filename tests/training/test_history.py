"""A history is a row of epochs and, by name, a set of curves."""

import pytest

from mlpcore.training.history import History


@pytest.fixture
def history():
    found = History()
    found.append({"loss": 2.0, "seconds": 0.1})
    found.append({"loss": 1.0, "seconds": 0.2})
    return found


def test_it_is_indexed_by_epoch_and_by_name(history):
    assert history["loss"] == [2.0, 1.0]
    assert history[-1] == {"loss": 1.0, "seconds": 0.2}
    assert list(history) == [history[0], history[1]]


def test_a_name_is_in_it_if_there_is_such_a_curve(history):
    assert "loss" in history
    assert "val_loss" not in history
    assert history[0] in history
    assert {"loss": 3.0} not in history
    assert "loss" not in History()


def test_a_missing_curve_is_refused_with_those_that_exist(history):
    with pytest.raises(KeyError, match="no curve 'f1'; there are loss, seconds"):
        history["f1"]
    with pytest.raises(KeyError, match="no curve 'loss': no epoch was run"):
        History()["loss"]


def test_it_prints_as_a_table(history):
    assert [line.split() for line in repr(history).splitlines()] == [
        ["epoch", "loss", "seconds"],
        ["1", "2", "0.1"],
        ["2", "1", "0.2"],
    ]
    assert repr(History()) == "History(no epochs)"
