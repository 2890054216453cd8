"""What the machine has is reported, and what is missing with its reason."""

import json
import os
import platform
from pathlib import Path

import numpy as np
import pytest

import mlpcore
from mlpcore.backends.cpu.threads import default_num_threads
from mlpcore.cli import main
from mlpcore.cli.info import cache_folder


@pytest.fixture
def report(capsys):
    """Return a function that gives the JSON of ``mlpcore info``, and its exit code."""

    def run(*arguments):
        code = main(["info", "--json", *arguments])
        return json.loads(capsys.readouterr().out), code

    return run


def test_versions(report):
    versions = report()[0]["versions"]
    assert versions["mlpcore"] == mlpcore.__version__
    assert versions["python"] == platform.python_version()
    assert versions["numpy"] == np.__version__
    assert "numba" in versions
    assert None not in versions.values()


def test_the_default_device_and_all_others(report):
    found, code = report()
    assert code == 0
    assert found["device"] == "cpu"
    assert found["device_problem"] is None
    cpu, *others = found["devices"]
    assert cpu["device"] == "cpu"
    assert cpu["available"]
    assert others
    assert all(other["available"] == (other["reason"] is None) for other in others)


@pytest.mark.parametrize(
    ("device", "variable"), [(["--device", "bogus"], "cpu"), ([], "bogus"), ([], "gpu")]
)
def test_an_unusable_device_is_reported_and_is_an_error(
    device, variable, report, monkeypatch, capsys
):
    monkeypatch.setenv("MLPCORE_DEVICE", variable)
    code = main(["info", "--json", *device])
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert code == 2
    assert found["device"] is None
    assert "the choices are auto, cpu, cuda and cuda:N" in found["device_problem"]
    assert captured.err == f"mlpcore info: {found['device_problem']}\n"


def test_the_limit_that_binds_the_threads(report, monkeypatch):
    monkeypatch.setenv("MLPCORE_NUM_THREADS", "1")
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    threads = report()[0]["threads"]
    assert threads["default"] == default_num_threads() == 1
    assert "MLPCORE_NUM_THREADS" in threads["bound_by"]
    assert threads["limits"]["MLPCORE_NUM_THREADS"] == 1
    assert threads["limits"]["NUMBA_NUM_THREADS"] is None


def test_a_limit_that_is_no_number_is_an_error(monkeypatch, capsys):
    monkeypatch.setenv("MLPCORE_NUM_THREADS", "many")
    assert main(["info"]) == 2
    assert "MLPCORE_NUM_THREADS must be a whole number" in capsys.readouterr().err


def test_as_text(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("MLPCORE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("MLPCORE_NUM_THREADS", "1")
    assert main(["info"]) == 0
    text = capsys.readouterr().out
    for words in (
        f"mlpcore {mlpcore.__version__}\n",
        "default device    cpu\n",
        f"cache folder      {tmp_path / 'cache'} (nothing is cached yet)\n",
        "threads           1, bound by ",
        "cgroup_quota: ",
        "instruction sets  ",
    ):
        assert words in text
    (tmp_path / "cache").mkdir()
    main(["info"])
    assert capsys.readouterr().out.endswith(f"cache folder      {tmp_path / 'cache'}\n")


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"MLPCORE_CACHE_DIR": "own", "XDG_CACHE_HOME": "/x"}, "own"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/mlpcore"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, "/h/.cache/mlpcore"),
        ({"HOME": "/h"}, "/h/.cache/mlpcore"),
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="paths of another kind")
def test_where_the_cache_is(variables, folder, monkeypatch):
    for name in ("MLPCORE_CACHE_DIR", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(folder)


def test_without_a_home_there_is_no_cache(report, monkeypatch, capsys):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("MLPCORE_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    assert report()[0]["cache"] == {"folder": None, "exists": False}
    assert main(["info"]) == 0
    assert "no home folder" in capsys.readouterr().out
