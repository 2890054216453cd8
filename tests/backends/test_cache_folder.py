"""Where compiled kernels are kept, and that to ask for it never fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlpcore.backends.cache_folder import cache_folder


@pytest.fixture(autouse=True)
def _environment(monkeypatch, tmp_path):
    monkeypatch.delenv("MLPCORE_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def test_the_home_folder_comes_last(monkeypatch, tmp_path):
    assert cache_folder() == tmp_path / ".cache" / "mlpcore"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "mlpcore"
    monkeypatch.setenv("MLPCORE_CACHE_DIR", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"


@pytest.mark.parametrize("variable", ["MLPCORE_CACHE_DIR", "XDG_CACHE_HOME"])
def test_an_empty_variable_counts_as_unset(variable, monkeypatch, tmp_path):
    monkeypatch.setenv(variable, "")
    assert cache_folder() == tmp_path / ".cache" / "mlpcore"


def test_a_relative_path_is_one_of_ours_but_not_of_xdg(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == tmp_path / ".cache" / "mlpcore"
    monkeypatch.setenv("MLPCORE_CACHE_DIR", "relative")
    assert cache_folder() == Path("relative")


@pytest.mark.skipif(os.name != "posix", reason="homes are found otherwise")
def test_a_relative_home_is_none(monkeypatch):
    monkeypatch.setenv("HOME", "relative")
    assert cache_folder() is None


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can change the user")
def test_without_home_and_passwd_entry_there_is_none():
    script = (
        "import os; from mlpcore.backends.cache_folder import cache_folder; import pwd; "
        "os.setuid(12345); del os.environ['HOME']; print(cache_folder())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("None\n", "")
