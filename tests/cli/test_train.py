"""From a table to a file that holds all that prediction needs."""

import numpy as np
import pytest

from mlpcore import MLP
from mlpcore.cli import main
from mlpcore.cli.meaning import Meaning
from mlpcore.io.safetensors import read, read_metadata

RNG = np.random.default_rng(0)
CLUSTERS = {"left": (-3.0, 500.0), "middle": (0.0, 502.0), "right": (3.0, 500.0)}


@pytest.fixture
def classes(tmp_path):
    """A file of three clusters that hardly overlap."""
    lines = ["u,v,side"]
    for name, center in CLUSTERS.items():
        lines += [f"{u},{v},{name}" for u, v in RNG.normal(center, 0.5, (50, 2))]
    path = tmp_path / "classes.csv"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def values(tmp_path):
    """A file in which price = 1000 a - 20 b + 50 000, with a constant column beside."""
    rows = RNG.normal(0, (1, 30), (200, 2))
    price = rows @ [1000, -20] + 50_000
    text = "\n".join(f"{a},{b},7,{t}" for (a, b), t in zip(rows, price, strict=True))
    path = tmp_path / "values.csv"
    path.write_text(f"a,b,same,price\n{text}\n")
    return path


@pytest.fixture
def train(tmp_path, capsys):
    """Return a function that runs ``mlpcore train`` and gives what it printed and the file."""

    def run(*arguments, output=tmp_path / "model.safetensors"):
        code = main(["train", "--output", str(output), *map(str, arguments)])
        captured = capsys.readouterr()
        assert code == 0, captured.err
        return captured.out, output

    return run


@pytest.fixture
def refused(tmp_path, capsys):
    """Return a function that runs ``mlpcore train`` and gives the one line of its error."""

    def run(*arguments):
        output = tmp_path / "model.safetensors"
        output.write_bytes(b"old")
        assert main(["train", "--output", str(output), *map(str, arguments)]) == 2
        line = capsys.readouterr().err
        assert line.startswith("mlpcore train: ")
        assert line.count("\n") == 1
        assert output.read_bytes() == b"old"
        return line

    return run


def test_a_classification(train, classes):
    text, path = train(classes, "--target", "side", "--epochs", 20)
    assert "150 rows, 2 features, target 'side'" in text
    assert "classification into 3 classes (left, middle, right): the target holds text" in text
    assert "20 epochs on 120 rows" in text
    accuracy = float(text.partition("validation on 30 other rows: accuracy ")[2].split()[0])
    assert accuracy > 0.9
    assert text.endswith(f"wrote {path}\n")
    model = MLP.load(path)
    assert model.network.widths == (2, 64, 64, 3)
    assert model.network.output.name == "softmax"
    assert Meaning.from_metadata(read_metadata(path), 2, 3) == Meaning(
        "classification", "side", ("u", "v"), ("left", "middle", "right")
    )
    centers = np.array(list(CLUSTERS.values()))
    np.testing.assert_array_equal(model.predict(centers).argmax(axis=1), [0, 1, 2])


def test_the_inputs_statistics_are_kept_in_the_model(train, classes):
    _, path = train(classes, "--target", "side", "--epochs", 1, "--validation", 0)
    state = read(path).values
    x = np.loadtxt(classes, delimiter=",", skiprows=1, usecols=(0, 1))
    np.testing.assert_allclose(state["layers.0.mean"], x.mean(axis=0), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(state["layers.0.scale"], 1 / x.std(axis=0), rtol=1e-4)


def test_a_regression_predicts_in_the_units_of_the_data(train, values):
    text, path = train(values, "--target", "price", "--epochs", 60, "--lr", 0.01)
    assert "regression: the target holds numbers with a fraction" in text
    assert float(text.partition("other rows: r2 ")[2].split(",")[0]) > 0.95
    model = MLP.load(path)
    assert model.network.output.name == "identity"
    x = [[0.0, 0.0, 7.0], [1.0, 0.0, 7.0], [0.0, 30.0, 7.0]]
    # The noise-free plane has a standard deviation of 1166: within a third of it.
    np.testing.assert_allclose(model.predict(np.array(x))[:, 0], [50_000, 51_000, 49_400], atol=400)


def test_a_constant_column_has_the_scale_1(train, values):
    _, path = train(values, "--target", "price", "--epochs", 1)
    state = read(path).values
    assert state["layers.0.scale"][2] == 1
    assert state["layers.0.mean"][2] == 7


def test_a_constant_target_is_met_exactly(train, tmp_path):
    data = tmp_path / "data.npz"
    np.savez(data, x=RNG.standard_normal((20, 2)), t=np.full(20, 12.5))
    _, path = train(data, "--epochs", 40, "--layers", "", "--optimizer", "sgd", "--lr", 0.2)
    np.testing.assert_allclose(MLP.load(path).predict(np.zeros((1, 2))), [[12.5]], atol=0.05)


def test_several_targets_in_an_npz_file(train, tmp_path):
    x = RNG.standard_normal((100, 3))
    t = x @ [[1.0, 0.0], [0.0, 100.0], [2.0, 0.0]] + [0, 1000]
    np.savez(tmp_path / "data.npz", x=x, t=t)
    text, path = train(tmp_path / "data.npz", "--layers", "", "--epochs", 100, "--lr", 0.05)
    assert "regression: the target has 2 columns" in text
    np.testing.assert_allclose(MLP.load(path).predict(x), t, atol=5)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_task_may_be_said(train, tmp_path, task):
    np.savez(tmp_path / "data.npz", x=RNG.standard_normal((20, 2)), t=np.arange(20) % 2)
    text, path = train(tmp_path / "data.npz", "--task", task, "--epochs", 1)
    assert f"{task}" in text
    assert "as --task says" in text
    assert read_metadata(path)["task"] == task


def test_options_reach_the_network(train, classes):
    text, path = train(
        *(classes, "--target", "side", "--epochs", 1, "--layers", "7,5", "--activation", "tanh"),
        *("--dtype", "float64", "--batch-size", 10, "--l2", 0.1, "--validation", 0),
    )
    assert "network 2-7-5-3, tanh" in text
    assert "on 150 rows" in text
    assert "validation" not in text
    model = MLP.load(path)
    assert model.network.widths == (2, 7, 5, 3)
    assert model.dtype == "float64"


def test_the_same_seed_gives_the_same_file(train, classes, tmp_path):
    arguments = (classes, "--target", "side", "--epochs", 3, "--seed")
    contents = []
    for i, seed in enumerate([1, 1, 2]):
        _, path = train(*arguments, seed, output=tmp_path / f"model{i}")
        contents.append(path.read_bytes())
    assert contents[0] == contents[1] != contents[2]


def test_columns_may_be_left_out(train, tmp_path):
    (tmp_path / "data.csv").write_text(
        "id,a,t\n" + "".join(f"u{i},{i},{'xy'[i % 2]}\n" for i in range(20))
    )
    text, path = train(tmp_path / "data.csv", "--target", "t", "--ignore", "id", "--epochs", 1)
    assert "1 features" not in text
    assert "1 feature, " in text
    assert Meaning.from_metadata(read_metadata(path), 1, 2).features == ("a",)


# What is refused, with nothing written.


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--epochs", "-1"], "argument --epochs: takes a whole number from 1 up, got '-1'"),
        (["--epochs", "x"], "argument --epochs: "),
        (["--batch-size", "0"], "argument --batch-size: must be at least 1, got 0"),
        (["--lr", "0"], "argument --lr: takes a number above 0, got '0'"),
        (["--lr", "nan"], "argument --lr: "),
        (["--l2", "-1"], "argument --l2: takes a number from 0, got '-1'"),
        (["--validation", "1"], "argument --validation: takes a number from 0 and below 1"),
        (["--validation", "0.001"], "leaves none to hold out"),
        (["--validation", "0.999"], "leaves none to train on"),
        (["--layers", "64,0"], "argument --layers: takes widths"),
        (["--layers", "9999999999,9999999999"], ""),
        (["--activation", "nonsense"], "unknown activation 'nonsense'; known are identity, relu"),
        (["--optimizer", "nonsense"], "unknown optimizer 'nonsense'; known are sgd"),
        (["--dtype", "float16"], "argument --dtype: invalid choice: 'float16'"),
        (["--task", "clustering"], "argument --task: invalid choice: 'clustering'"),
        (["--task", "regression"], "a regression needs numbers, and the target holds 'left'"),
        (["--device", "bogus"], "the choices are auto, cpu, cuda and cuda:N"),
        (["--target", "u"], "row 1 (line 2), column 'side': 'left' is not a number"),
        (["--target", "nonsense"], "no column 'nonsense'; there are 'u', 'v', 'side'"),
        (["--ignore", "u,v"], "no column besides the target"),
        (["--ignore", "nonsense"], "no column 'nonsense'"),
        (["--lr", "1e30"], "the training diverged: its loss became"),
    ],
    ids=" ".join,
)
def test_wrong_options(refused, classes, arguments, words):
    assert words in refused(classes, "--target", "side", "--epochs", "3", *arguments)


@pytest.mark.parametrize("target", [None, "t"])
@pytest.mark.parametrize("name", ["missing.csv", "missing.npz", "."])
def test_data_that_is_not_there(refused, tmp_path, name, target):
    line = refused(tmp_path / name, *(["--target", target] if target else []))
    assert str(tmp_path) in line
    assert "No such file" in line or "Is a directory" in line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("a,t\n", "no rows below the header"),
        ("a,a,t\n1,2,3\n", "2 columns are called 'a'"),
        ("a,t\n1,2\n3\n", "row 2 (line 3) has 1 cell, the header has 2"),
        ("a,t\n1,x\n,y\n", "row 2 (line 3), column 'a': the value is missing"),
        ("a,t\n1,x\n2,x\n", "target 't': the target has only one class, 'x'"),
        ("a,t\n1,2\n", "leaves none to hold out"),
        ("a,t\n" + "".join(f"{i},u{i}\n" for i in range(9)), "hardly classes"),
    ],
)
def test_data_that_cannot_be_learnt_from(refused, tmp_path, text, words):
    path = tmp_path / "data.csv"
    path.write_text(text)
    line = refused(path, "--target", "t")
    assert words in line
    assert str(path) in line or "--validation" in line


def test_an_output_that_cannot_be_written_is_found_before_the_training(classes, tmp_path, capsys):
    output = tmp_path / "missing" / "model"
    assert main(["train", str(classes), "--target", "side", "--output", str(output)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"mlpcore train: --output {output}: No such file or directory\n"


def test_a_gpu_that_is_not_there_is_found_before_the_data_is_read(capsys):
    assert main(["train", "missing.csv", "--target", "t", "--device", "cuda:999"]) == 2
    line = capsys.readouterr().err
    assert line.startswith("mlpcore train: device='cuda:999': ")
    assert line.count("\n") == 1
