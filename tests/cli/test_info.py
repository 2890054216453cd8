"""What the machine has is reported, and what is missing with its reason."""

import errno
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
from mlpcore.device import Device, DeviceInfo


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


GPU = "NVIDIA H100 80GB HBM3"
ENTRY = {
    "dtype": "float32", "inputs": 64, "outputs": 256,
    "forward": "tiled", "input_gradient": "cublaslt", "weight_gradient": "cublaslt",
}  # fmt: skip


@pytest.fixture
def gpus(monkeypatch):
    """A machine with two GPUs that can be used."""
    names = (GPU, "NVIDIA L4")
    found = (
        DeviceInfo(Device("cpu"), True, "a processor"),
        *(DeviceInfo(Device("cuda", i), True, name) for i, name in enumerate(names)),
    )
    monkeypatch.setattr("mlpcore.device.devices", lambda: found)


@pytest.fixture
def table(monkeypatch, tmp_path):
    """The file of kernels that were measured on one of them."""
    path = tmp_path / "table.json"
    device = {"name": GPU, "compute_capability": "9.0", "measured": {}, "choices": [ENTRY]}
    path.write_text(json.dumps({"schema": "mlpcore.cuda-table/1", "devices": [device]}))
    monkeypatch.setenv("MLPCORE_CUDA_TABLE", str(path))
    return path


@pytest.mark.usefixtures("gpus")
def test_the_table_of_kernels_and_on_which_gpus_it_was_measured(report, table, capsys):
    expected = {"file": str(table), "layers": {GPU: 1, "NVIDIA L4": 0}}
    assert report()[0]["kernel_table"] == expected | {"problem": None, "reason": None}
    main(["info"])
    assert (
        f"kernels of a GPU  by {table}\n"
        f"{'':18}{GPU}: layers measured: 1\n"
        f"{'':18}NVIDIA L4: not measured, so by the table that is built in\n"
    ) in capsys.readouterr().out


@pytest.mark.usefixtures("gpus")
@pytest.mark.parametrize(
    ("variable", "reason"), [("off", "MLPCORE_CUDA_TABLE=off"), (None, "mlpcore tune would write ")]
)
def test_the_table_that_is_built_in(report, monkeypatch, tmp_path, capsys, variable, reason):
    monkeypatch.setenv("MLPCORE_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("MLPCORE_CUDA_TABLE")
    if variable is not None:
        monkeypatch.setenv("MLPCORE_CUDA_TABLE", variable)
    found = report()[0]["kernel_table"]
    assert found["file"] is None
    assert found["reason"].startswith(reason)
    main(["info"])
    said = capsys.readouterr().out
    assert f"kernels of a GPU  by the table that is built in ({found['reason']})\n" in said


@pytest.mark.usefixtures("gpus")
def test_a_table_that_is_there_but_cannot_be_read(report, monkeypatch, tmp_path):
    """Tuning would not write it; what holds the reading back is said instead."""
    monkeypatch.setenv("MLPCORE_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("MLPCORE_CUDA_TABLE", raising=False)
    path = tmp_path / "cuda-table.json"
    path.mkdir()
    found = report()[0]["kernel_table"]
    assert found == {
        "file": None,
        "layers": {},
        "problem": None,
        "reason": f"{path}: {os.strerror(errno.EISDIR)}",
    }


@pytest.mark.parametrize(("content", "why"), [("{", "not JSON"), (None, "No such file")])
def test_a_table_that_cannot_be_used_is_a_problem_of_gpus_alone(report, table, content, why):
    if content is None:
        table.unlink()
    else:
        table.write_text(content)
    found, code = report()
    assert code == 0
    assert why in found["kernel_table"]["problem"]


def test_without_a_home_there_is_no_cache(report, monkeypatch, capsys):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("MLPCORE_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    assert report()[0]["cache"] == {"folder": None, "exists": False}
    assert main(["info"]) == 0
    assert "no home folder" in capsys.readouterr().out
