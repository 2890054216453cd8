"""``mlpcore selfcheck``: the table, the exit code and the file for a bug report."""

import json
import os
import platform

import numpy as np
import pytest

import mlpcore
from mlpcore import selfcheck
from mlpcore.backends.composed import ComposedPlan
from mlpcore.cli import main

SOME = ("activation relu", "affine", "loss mse", "save and load")


def run(capsys, *arguments):
    code = main(["selfcheck", *arguments])
    return code, capsys.readouterr()


@pytest.fixture
def few(monkeypatch):
    """Let only a few of the checks run."""
    everything = selfcheck.checks

    def chosen(place):
        return [check for check in everything(place) if check.name.startswith(SOME)]

    monkeypatch.setattr(selfcheck, "checks", chosen)


def test_all_of_it_quickly_on_the_cpu(capsys):
    code, said = run(capsys, "--device", "cpu", "--quick", "--dtype", "float32")
    assert code == 0, said.out
    first, heading, *rows, last = said.out.splitlines()
    assert first == "mlpcore selfcheck on cpu"
    assert heading.split()[:3] == ["check", "dtype", "result"]
    assert len(rows) == len(selfcheck.checks(selfcheck.Place(mlpcore.Device("cpu"), "float32")))
    assert last.startswith(f"{len(rows)} passed, 0 fell back, 0 failed, ")


def test_both_dtypes_unless_one_is_asked_for(capsys, few):
    for arguments, dtypes in (
        ([], {"float32", "float64"}),
        (["--dtype", "float64"], {"float64"}),
        (["--dtype", "float64,float64"], {"float64"}),
    ):
        code, said = run(capsys, "--quick", *arguments)
        assert code == 0
        rows = said.out.splitlines()[2:-1]
        assert len(rows) == len(SOME) * len(dtypes)
        assert {dtype for dtype in ("float32", "float64") for row in rows if dtype in row} == dtypes


def test_the_report_has_versions_device_and_every_row(capsys, few, tmp_path):
    path = tmp_path / "report.json"
    code, said = run(capsys, "--quick", "--report", str(path))
    assert code == 0
    assert said.out.splitlines()[-1] == f"written: {path}"
    found = json.loads(path.read_text("utf-8"))
    assert found["schema"] == "mlpcore.selfcheck/1"
    assert found["machine"]["versions"]["mlpcore"] == mlpcore.__version__
    assert found["machine"]["versions"]["numpy"] == np.__version__
    assert found["machine"]["system"] == platform.platform()
    assert (found["device"], found["gpu"]) == ("cpu", None)
    assert found["devices"][0]["device"] == "cpu"
    assert "driver" in found
    assert found["dtypes"] == ["float32", "float64"]
    assert found["quick"] is True
    assert found["passed"] is True
    assert len(found["rows"]) == 2 * len(SOME)
    for row in found["rows"]:
        assert row["status"] == "passed"
        assert row["compared"] > 0
        assert 0 <= row["worst"] <= 1
        assert row["seconds"] >= 0


def test_a_broken_kernel_is_a_failure(capsys, few, monkeypatch, tmp_path):
    original = ComposedPlan.loss

    def wrong(*arguments):
        value, dz = original(*arguments)
        return value * 1.001, dz

    monkeypatch.setattr(ComposedPlan, "loss", wrong)
    path = tmp_path / "report.json"
    code, said = run(capsys, "--quick", "--dtype", "float32", "--report", str(path))
    assert code == 1
    assert "3 passed, 0 fell back, 1 failed, " in said.out
    found = json.loads(path.read_text("utf-8"))
    assert found["passed"] is False
    (failed,) = [row for row in found["rows"] if row["status"] == "failed"]
    assert failed["check"] == "loss mse"
    assert failed["reason"].startswith("the loss: ")
    assert failed["worst"] > 1


def test_without_kernels_it_says_that_it_fell_back(capsys, few, monkeypatch):
    from mlpcore.selfcheck import activations

    def without(place, findings):
        findings.fell_back("NumPy computes, because there are no compiled kernels")

    monkeypatch.setattr(activations, "note_missing_kernels", without)
    code, said = run(capsys, "--quick", "--dtype", "float32")
    assert code == 0
    assert "3 passed, 1 fell back, 0 failed" in said.out
    assert "    NumPy computes, because there are no compiled kernels" in said.out.splitlines()
    assert said.out.splitlines()[-1].startswith("fell back: every number lies within its bound, ")


@pytest.mark.skipif(
    os.environ.get("MLPCORE_TEST_DEVICE", "cpu") != "cpu", reason="there is a GPU or its double"
)
def test_without_a_gpu_it_says_why(capsys, monkeypatch):
    from mlpcore import _driver, device

    def missing(*_):
        raise _driver.DriverMissingError("no NVIDIA driver was found", "install it")

    monkeypatch.setattr(device._driver, "probe", missing)
    code, said = run(capsys, "--device", "cuda")
    assert (code, said.out) == (2, "")
    assert said.err.startswith("mlpcore selfcheck: ")
    assert "no NVIDIA driver was found" in said.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dtype", "float16"], "--dtype takes float32, float64, got 'float16'"),
        (["--dtype", ""], "--dtype takes float32, float64, got nothing"),
        (
            ["--report", os.path.join(os.devnull, "x")],
            f"--report {os.path.join(os.devnull, 'x')}: ",
        ),
    ],
)
def test_wrong_options_are_told_before_any_work(capsys, arguments, message):
    code, said = run(capsys, "--device", "cpu", *arguments)
    assert (code, said.out) == (2, "")
    assert said.err.startswith(f"mlpcore selfcheck: {message}")
    assert said.err.count("\n") == 1
