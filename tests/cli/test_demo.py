"""The demo learns the digits, and says how well and how fast."""

import json
import re

import pytest

from mlpcore.bench import gauges
from mlpcore.cli import demo, main


@pytest.fixture(autouse=True)
def _short_samples(monkeypatch):
    monkeypatch.setattr(gauges, "PEAK_SECONDS", 0.001)
    monkeypatch.setattr(gauges, "BANDWIDTH_SECONDS", 0.001)
    monkeypatch.setattr(demo, "BATCH_SIZES", (1, 16))
    monkeypatch.setattr(demo, "SECONDS", 0.01)


def demo_json(capsys, *arguments):
    assert main(["demo", "--json", *arguments]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return json.loads(captured.out)


@pytest.mark.parametrize("seed", [0, 1])
def test_97_of_100_digits_are_recognised(seed, capsys):
    found = demo_json(capsys, "--seed", str(seed))
    assert found.keys() == {"test_accuracy", "loss", "seconds", "throughput"}
    assert 0.97 <= found["test_accuracy"] <= 1
    assert len(found["loss"]) == 40
    assert found["loss"][-1] < found["loss"][0]
    assert found["seconds"] > 0
    assert [row["batch_size"] for row in found["throughput"]] == [1, 16]
    assert all(row["samples_per_s"] > 0 for row in found["throughput"])


def test_the_same_seed_learns_the_same(capsys):
    first, second = (demo_json(capsys, "--epochs", "2", "--seed", "3") for _ in range(2))
    assert first["test_accuracy"] == second["test_accuracy"]
    assert first["loss"] == second["loss"]


def test_as_text(capsys):
    assert main(["demo", "--epochs", "1"]) == 0
    text = capsys.readouterr().out
    assert re.search(
        r"^test accuracy \d\d\.\d\d % on 359 other digits, after \d+\.\d s$", text, re.M
    )
    assert re.search(r"^ *16 +mlpcore ", text, re.M)


@pytest.mark.parametrize("arguments", [["--epochs", "-1"], ["--epochs", "0"], ["--seed", "x"]])
def test_wrong_options(arguments, capsys):
    assert main(["demo", *arguments]) == 2
    assert f"argument {arguments[0]}: " in capsys.readouterr().err


def test_an_unknown_device_lists_the_choices(monkeypatch, capsys):
    monkeypatch.setenv("MLPCORE_DEVICE", "bogus")
    assert main(["demo"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.endswith("the choices are auto, cpu, cuda and cuda:N\n")
