"""``ci/gpu`` says at once where there is no GPU, and puts what its steps left into one file."""

import ctypes
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CI = ROOT / "ci"

pytestmark = pytest.mark.skipif(not CI.is_dir(), reason="ci/ is not here")


@pytest.fixture
def present(monkeypatch):
    monkeypatch.syspath_prepend(str(CI))
    import gpu_present

    yield gpu_present
    del sys.modules["gpu_present"]


class Driver:
    """The driver's library, as far as it is asked."""

    def __init__(self, status=0, count=1, version=13000):
        self.status, self.count, self.version = status, count, version

    def cuInit(self, flags):  # noqa: N802
        return self.status

    def cuDeviceGetCount(self, place):  # noqa: N802
        place._obj.value = self.count
        return 0

    def cuDriverGetVersion(self, place):  # noqa: N802
        place._obj.value = self.version
        return 0


@pytest.mark.parametrize(("version", "major"), [(12040, 12), (13000, 13), (14010, 13)])
def test_the_newest_cuda_that_the_driver_and_the_library_know(
    present, monkeypatch, capsys, version, major
):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Driver(version=version))
    assert present.main() == 0
    assert capsys.readouterr().out == f"{major}\n"


@pytest.mark.parametrize(
    ("driver", "why"),
    [
        (Driver(status=100), "the driver shows no device (CUDA error 100)"),
        (Driver(count=0), "the driver shows no device"),
        (Driver(version=11080), "the driver is for CUDA 11, which is too old"),
    ],
)
def test_why_there_is_none(present, monkeypatch, capsys, driver, why):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: driver)
    assert present.main() == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"ci/gpu: no usable GPU here: {why}")


def test_without_a_driver(present, monkeypatch, capsys):
    def missing(name):
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert present.main() == 2
    assert "there is no NVIDIA driver" in capsys.readouterr().err


def result(folder):
    command = [sys.executable, CI / "gpu_result.py", folder]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    return done, json.loads((folder / "result.json").read_text("utf-8"))


def test_all_that_the_steps_left_is_in_one_file(tmp_path):
    (tmp_path / "steps.tsv").write_text("tests\t0\t12\nselfcheck\t0\t3\n")
    (tmp_path / "selfcheck.json").write_text('{"passed": true}')
    (tmp_path / "table.json").write_text('{"devices": []}')
    done, report = result(tmp_path)
    assert done.returncode == 0, done.stderr
    assert report["selfcheck"] == {"passed": True}
    assert report["table"] == {"devices": []}
    assert report["grid"] is None
    assert report["steps"][0] == {"name": "tests", "status": 0, "s": 12}


def test_a_file_that_a_step_did_not_finish_is_left_out(tmp_path):
    (tmp_path / "steps.tsv").write_text("grid\t124\t7200\n")
    (tmp_path / "grid.log").write_text("")
    (tmp_path / "grid.json").write_text('{"cells": [')
    done, report = result(tmp_path)
    assert done.returncode == 1
    assert report["grid"] is None


def test_a_step_that_failed_leaves_the_end_of_its_log(tmp_path):
    (tmp_path / "steps.tsv").write_text("tests\t1\t12\n")
    (tmp_path / "tests.log").write_text("x" * 10_000 + "1 failed\n")
    done, report = result(tmp_path)
    assert done.returncode == 1
    assert "tests           FAILED  12 s" in done.stdout
    assert report["steps"][0]["log"].endswith("1 failed\n")
    assert len(report["steps"][0]["log"]) == 4000
