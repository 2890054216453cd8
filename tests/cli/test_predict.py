"""One row of predictions for each row of the data."""

import csv
import io

import numpy as np
import pytest

from mlpcore import MLP
from mlpcore.cli import main
from mlpcore.cli.meaning import Meaning

RNG = np.random.default_rng(0)
X = RNG.standard_normal((5, 2))
CLASSIFIER = Meaning("classification", "t", ("a", "b"), ("no", "yes", "may,be"))


@pytest.fixture
def saved(tmp_path):
    """Return a function that saves a model of 2 inputs with its meaning and returns both."""

    def save(outputs=3, output="softmax", meaning=CLASSIFIER):
        model = MLP([2, 4, outputs], output=output, device="cpu", seed=0)
        model.save(tmp_path / "model.safetensors", metadata=meaning.to_metadata())
        return model, str(tmp_path / "model.safetensors")

    return save


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("a,b\n" + "".join(f"{a},{b}\n" for a, b in X.tolist()))
    return str(path)


@pytest.fixture
def predict(capsys):
    """Return a function that runs ``mlpcore predict`` and gives the rows that it printed."""

    def run(*arguments):
        code = main(["predict", *map(str, arguments)])
        captured = capsys.readouterr()
        assert code == 0, captured.err
        assert captured.err == ""
        return list(csv.reader(io.StringIO(captured.out)))

    return run


@pytest.fixture
def refused(capsys):
    def run(*arguments):
        assert main(["predict", *map(str, arguments)]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("mlpcore predict: ")
        assert captured.err.count("\n") == 1
        return captured.err

    return run


def test_classes_by_name(saved, data, predict):
    model, path = saved()
    heading, *rows = predict(path, data)
    assert heading == ["prediction"]
    likeliest = model.predict(X).argmax(axis=1)
    assert rows == [[CLASSIFIER.classes[i]] for i in likeliest]


def test_probabilities_keep_every_bit(saved, data, predict):
    model, path = saved()
    heading, *rows = predict(path, data, "--probabilities")
    assert heading == ["prediction", "p(no)", "p(yes)", "p(may,be)"]
    p = np.array([row[1:] for row in rows], dtype=np.float32)
    np.testing.assert_array_equal(p, model.predict(X))


def test_log_probabilities_are_printed_as_probabilities(saved, data, predict):
    model, path = saved(output="log_softmax")
    _, *rows = predict(path, data, "--probabilities")
    p = np.array([row[1:] for row in rows], dtype=np.float32)
    np.testing.assert_array_equal(p, np.exp(model.predict(X)))


@pytest.mark.parametrize(
    ("outputs", "heading"), [(1, ["prediction"]), (2, ["prediction_0", "prediction_1"])]
)
@pytest.mark.parametrize("output", ["identity", "sigmoid"])
def test_values(saved, data, predict, outputs, output, heading):
    model, path = saved(outputs, output, Meaning("regression", "t", ("a", "b")))
    first, *rows = predict(path, data)
    assert first == heading
    np.testing.assert_array_equal(np.array(rows, dtype=np.float32), model.predict(X))


def test_a_model_without_names_numbers_its_classes(saved, data, predict):
    model, path = saved(meaning=Meaning())
    _, *rows = predict(path, data)
    assert rows == [[str(i)] for i in model.predict(X).argmax(axis=1)]


def test_npz(saved, predict, tmp_path):
    model, path = saved(1, "identity", Meaning())
    np.savez(tmp_path / "data.npz", z=X)
    _, *rows = predict(path, tmp_path / "data.npz", "--x", "z")
    np.testing.assert_array_equal(np.array(rows, dtype=np.float32), model.predict(X))


def test_more_rows_than_are_computed_at_once(saved, data, predict, monkeypatch):
    monkeypatch.setattr("mlpcore.cli.predict.ROWS_AT_ONCE", 2)
    model, path = saved(1, "identity", Meaning())
    _, *rows = predict(path, data)
    y = [model.predict(X[i : i + 2]) for i in (0, 2, 4)]
    np.testing.assert_array_equal(np.array(rows, dtype=np.float32), np.concatenate(y))


def test_the_columns_of_the_training_file_may_all_be_there(saved, data, predict, tmp_path):
    _, path = saved()
    expected = predict(path, data)
    shuffled = tmp_path / "shuffled.csv"
    shuffled.write_text("t,b,a\n" + "".join(f"no,{b},{a}\n" for a, b in X.tolist()))
    assert predict(path, shuffled) == expected


def test_to_a_file(saved, data, predict, tmp_path):
    _, path = saved()
    printed = predict(path, data, "--probabilities")
    output = tmp_path / "out.csv"
    assert predict(path, data, "--probabilities", "--output", output) == []
    with output.open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == printed


def test_train_then_predict(predict, tmp_path, capsys):
    """What is learnt of two clusters is found again, from the same file."""
    path, model = tmp_path / "data.csv", tmp_path / "model"
    points = [(float(c + 0.3 * n), "ab"[c > 0]) for c in (-1, 1) for n in RNG.standard_normal(40)]
    path.write_text("x,t\n" + "".join(f"{x},{t}\n" for x, t in points))
    code = main(["train", str(path), "--target", "t", "--output", str(model), "--epochs", "20"])
    capsys.readouterr()
    assert code == 0
    _, *rows = predict(model, path)
    right = sum(row == [t] for row, (_, t) in zip(rows, points, strict=True))
    assert right >= 78


# What is refused.


def test_a_model_that_is_not_there(refused, data, tmp_path):
    assert "No such file" in refused(tmp_path / "missing", data)


def test_a_damaged_model(saved, refused, data):
    _, path = saved()
    with open(path, "r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x55")
    assert f"{path}: its checksum does not fit" in refused(path, data)


def test_something_else_for_a_model(refused, data, tmp_path):
    assert "no safetensors file" in refused(data, data)
    assert "directory" in refused(tmp_path, data)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,c\n1,2\n", "no column 'b', which the model needs"),
        ("1,2,3\n", "there are 3 columns; the model takes 2"),
        ("a,b\n", "no rows below the header"),
        ("a,b\n1,\n", "row 1 (line 2), column 'b': the value is missing"),
        ("a,b\n1,2,3\n", "row 1 (line 2) has 3 cells"),
        ("", "the file is empty"),
    ],
)
def test_data_that_does_not_fit(saved, refused, tmp_path, text, words):
    path = tmp_path / "data.csv"
    path.write_text(text)
    line = refused(saved()[1], path)
    assert words in line
    assert str(path) in line


def test_probabilities_of_a_regression(saved, refused, data):
    _, path = saved(1, "identity", Meaning("regression"))
    assert "--probabilities: " in refused(path, data, "--probabilities")


def test_an_output_that_cannot_be_written(saved, refused, data, tmp_path):
    assert f"--output {tmp_path}: Is a directory" in refused(saved()[1], data, "--output", tmp_path)


def test_an_unknown_device(saved, refused, data, monkeypatch):
    monkeypatch.setenv("MLPCORE_DEVICE", "bogus")
    assert "the choices are auto, cpu, cuda and cuda:N" in refused(saved()[1], data)


def test_a_failure_while_writing_leaves_no_file(saved, data, tmp_path, monkeypatch, capsys):
    _, path = saved()
    before = sorted(tmp_path.iterdir())

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    output = tmp_path / "out.csv"
    assert main(["predict", path, data, "--output", str(output)]) == 2
    assert capsys.readouterr().err == f"mlpcore predict: {output}: No space left on device\n"
    assert sorted(tmp_path.iterdir()) == before
