"""The grid on a GPU: whoever computes something else has no row, and a turn is timed as it says."""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="benchmarks/ is not here")

OPTIONS = argparse.Namespace(activation="tanh", dtype="float64", seconds=0.001)


@pytest.fixture(autouse=True)
def _scripts(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    yield
    for name in ("gpu_grid", "gpu_contenders", "grid_plan"):
        sys.modules.pop(name, None)


@pytest.fixture
def grid():
    import gpu_grid

    return gpu_grid


@pytest.fixture
def ours(device):
    import gpu_contenders

    return gpu_contenders.MLPCore(device)


def test_prediction_and_both_steps_are_right_and_are_timed(grid, ours):
    cells = list(grid.run({"mlpcore": ours}, ["5"], [1, 3], ["inference", "sgd", "adam"], OPTIONS))
    assert [(cell.work, cell.batch_size) for cell in cells] == [
        (work, size) for work in ("inference", "sgd", "adam") for size in (1, 3)
    ]
    assert all(cell.wall > 0 for cell in cells)


def test_who_computes_something_else_is_left_out_with_the_reason(grid, ours, monkeypatch):
    original = ours.inference

    def wrong(work, x):
        call = original(work, x)
        return lambda: call() * 1.01

    monkeypatch.setattr(ours, "inference", wrong)
    (said,) = grid.run({"mlpcore": ours}, ["5"], [3], ["inference"], OPTIONS)
    assert said.startswith("mlpcore, network 5, inference, batch 3: ")


class Stopwatch:
    """A contender whose events are a second apart for each call between them."""

    def __init__(self):
        self.calls = self.waits = 0

    def call(self):
        self.calls += 1

    def wait(self):
        self.waits += 1

    def events(self):
        return lambda: self.calls, lambda start, end: float(end - start)


def test_a_turn_divides_both_times_by_its_calls(grid):
    contender = Stopwatch()
    wall, device = grid.take_turn(contender, contender.call, 7)
    assert device == 1.0
    assert 0 < wall < 1
    assert (contender.calls, contender.waits) == (7, 2)


def test_the_table_compares_with_the_fastest_peer(grid):
    cells = [
        grid.Cell("2", "sgd", 8, name, wall * 1e-6, device)
        for name, wall, device in [("mlpcore", 10, 8e-6), ("torch", 30, 20e-6), ("jax", 15, None)]
    ]
    row = list(grid.table(cells, ["mlpcore", "torch", "jax"]))[-1]
    assert row == "| 784-256-10 | sgd | 8 | 10.0 (8.0) | 30.0 (20.0) | 15.0 | 1.50 |"


def test_the_command_writes_what_it_measured(grid, device, tmp_path, capsys):
    path = tmp_path / "grid.json"
    arguments = [
        "--networks",
        "5",
        "--batch-sizes",
        "2",
        "--work",
        "inference",
        "--seconds",
        "0.01",
    ]
    code = grid.main([*arguments, "--device", device, "--output", str(path)])
    assert code == 0, capsys.readouterr()
    report = json.loads(path.read_text("utf-8"))
    ours = [cell for cell in report["cells"] if cell["contender"] == "mlpcore"]
    assert [cell["batch_size"] for cell in ours] == [2]
    assert report["versions"] is not None
    assert report["numpy"] == np.__version__
    assert "| 32-64-64-64-4 | inference | 2 |" in capsys.readouterr().out


def test_without_the_device_it_says_why(grid, capsys, tmp_path):
    assert grid.main(["--device", "cuda:99", "--output", str(tmp_path / "x")]) == 2
    assert capsys.readouterr().err.startswith("gpu_grid: ")
