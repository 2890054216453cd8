"""What a callback adds to an epoch is a number, whoever reads it afterwards."""

from fractions import Fraction

import numpy as np
import pytest
from support.training import batch, classifier

from mlpcore.callbacks import Callback, CSVLog

X, T = batch(20)


class Adds(Callback):
    def __init__(self, value, name="mine"):
        self._value, self._name = value, name

    def on_epoch_end(self, run):
        run.logs[self._name] = self._value


def fit(callbacks, progress=True):
    return classifier().fit(X, T, epochs=2, callbacks=callbacks, progress=progress)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (0.1, 0.1),
        (7, 7),
        (True, True),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array(2.5), 2.5),
        (Fraction(1, 4), 0.25),
        (float("inf"), float("inf")),
    ],
)
def test_a_number_of_any_kind_is_kept_as_one_of_python(tmp_path, capsys, given, kept):
    path = tmp_path / "log.csv"
    history = fit([Adds(given), CSVLog(path)])
    assert history["mine"] == [kept, kept]
    assert type(history[0]["mine"]) is type(kept)
    assert path.read_text().split()[0].endswith("mine")
    assert "mine" in repr(history)
    assert "mine=" in capsys.readouterr().err


@pytest.mark.parametrize("progress", [True, False])
@pytest.mark.parametrize(
    "value", ["better", None, [1.0], np.zeros(2), np.array([1.0]), 1j, np.array("text")]
)
def test_anything_else_is_refused_in_the_first_epoch(tmp_path, value, progress):
    path = tmp_path / "log.csv"
    with pytest.raises(TypeError, match=r"Adds put .* into run.logs\['mine'\], but an epoch has n"):
        fit([Adds(value), CSVLog(path)], progress)
    assert path.read_text() == ""  # those after it were not told


def test_a_name_is_a_string():
    with pytest.raises(TypeError, match=r"Adds put a value under 3 .*: a name is a str"):
        fit(Adds(1.0, name=3))
