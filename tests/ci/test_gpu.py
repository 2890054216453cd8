"""``ci/gpu`` says at once where there is no GPU, and puts what its steps left into one file."""

import ctypes
import json
import os
import shutil
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


def test_a_step_that_failed_at_once_may_have_left_no_log(tmp_path):
    (tmp_path / "steps.tsv").write_text("grid\t127\t0\n")
    done, report = result(tmp_path)
    assert done.returncode == 1, done.stderr
    assert report["steps"] == [{"name": "grid", "status": 127, "s": 0, "log": None}]


def test_a_step_that_failed_leaves_the_end_of_its_log(tmp_path):
    (tmp_path / "steps.tsv").write_text("tests\t1\t12\n")
    (tmp_path / "tests.log").write_text("x" * 10_000 + "1 failed\n")
    done, report = result(tmp_path)
    assert done.returncode == 1
    assert "tests           FAILED  12 s" in done.stdout
    assert report["steps"][0]["log"].endswith("1 failed\n")
    assert len(report["steps"][0]["log"]) == 4000


@pytest.fixture
def script(tmp_path):
    """Return a function that runs ``ci/gpu FOLDER`` where a GPU is said to be and every step fails.

    In a copy of the checkout that has these files alone.
    """
    (tmp_path / "checkout/ci").mkdir(parents=True)
    for name in ("gpu", "common.sh", "gpu_result.py"):
        shutil.copy(CI / name, tmp_path / "checkout/ci" / name)
    python = tmp_path / "python"
    python.write_text(
        "#!/bin/sh\n"
        'case "$1" in\n'
        "ci/gpu_present.py) echo 13 ;;\n"
        f'ci/gpu_result.py) exec "{sys.executable}" "$@" ;;\n'
        "*) exit 1 ;;\n"
        "esac\n"
    )
    python.chmod(0o755)

    def run(folder):
        return subprocess.run(
            ["bash", tmp_path / "checkout/ci/gpu", folder],
            env=os.environ | {"MLPCORE_CI_PYTHON": str(python)},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


posix = pytest.mark.skipif(os.name != "posix", reason="a script for bash")


@posix
def test_a_later_run_takes_the_place_of_an_earlier_one_and_of_nothing_else(script, tmp_path):
    out = tmp_path / "out"
    assert script(out).returncode == 1
    (out / "table.json").write_text("{}")
    (out / "install.log").write_text("old")
    (out / "mine.log").write_text("mine")
    (out / "mine").mkdir()
    done = script(out)
    report = json.loads((out / "result.json").read_text("utf-8"))
    assert report["steps"], done.stderr
    assert all(step["status"] for step in report["steps"])
    assert report["table"] is None
    assert "old" not in (out / "install.log").read_text()
    assert (out / "mine.log").read_text() == "mine"
    assert (out / "mine").is_dir()


@posix
def test_a_folder_of_somebody_else_is_refused(script, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    done = script(tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        f"ci/gpu: {tmp_path} holds something other than its results: "
        "give another folder, or empty it\n"
    )
    assert not (tmp_path / "steps.tsv").exists()
    assert (tmp_path / "notes.txt").read_text() == "mine"
