"""A history is a row of epochs and, by name, a set of curves."""

import csv
import math
import sys

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


def test_it_is_a_mapping_of_curves_with_nan_where_an_epoch_has_no_value(history):
    history[-1]["lr"] = 0.5
    found = history.to_dict()
    assert list(found) == list(history.names) == ["loss", "seconds", "lr"]
    assert found["loss"] == [2.0, 1.0]
    assert math.isnan(found["lr"][0])
    assert found["lr"][1] == 0.5
    assert repr(history).splitlines()[1].split() == ["1", "2", "0.1"]


def test_it_is_written_as_a_table_that_reads_back_to_the_bit(history, tmp_path):
    history.append({"loss": 1 / 3, "seconds": 0.3, "lr": 0.1})
    history.to_csv(tmp_path / "h.csv")
    with open(tmp_path / "h.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["epoch", "loss", "seconds", "lr"]
    assert [float(row["loss"]) for row in rows] == history["loss"]
    assert [row["lr"] for row in rows] == ["", "", "0.1"]


def test_it_is_drawn_with_training_and_validation_together(history, tmp_path):
    pytest.importorskip("matplotlib")
    for epoch in history:
        epoch["val_loss"] = 3.0
        epoch["accuracy"] = 0.5
    figure = history.plot(tmp_path / "h.png")
    assert (tmp_path / "h.png").stat().st_size > 0
    assert [axes.get_title() for axes in figure.axes] == ["loss", "accuracy"]
    drawn = [[line.get_label() for line in axes.lines] for axes in figure.axes]
    assert drawn == [["loss", "val_loss"], ["accuracy"]]
    assert figure.axes[0].lines[0].get_ydata().tolist() == [2.0, 1.0]
    with pytest.raises(ValueError, match="nothing to plot"):
        History().plot()


def test_without_matplotlib_it_says_what_to_install(history, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        history.plot()
