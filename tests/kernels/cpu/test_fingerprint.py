"""The fingerprint changes with every source of the kernels, and with nothing else."""

import shutil
from pathlib import Path

import pytest

from mlpcore.kernels.cpu import fingerprint


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """Return a copy of some sources, of which the fingerprint is taken."""
    folder = tmp_path / "cpu"
    (folder / "inner").mkdir(parents=True)
    (folder / "one.py").write_text("a = 1\n")
    (folder / "inner" / "two.py").write_text("b = 2\n")
    monkeypatch.setattr(fingerprint, "_FOLDER", folder)
    return folder


def test_it_is_that_of_the_package():
    package = Path(fingerprint.__file__).parent
    assert package == fingerprint._FOLDER


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "one.py").write_text("a = 2\n"),
        lambda folder: (folder / "inner" / "two.py").write_text("b = 3\n"),
        lambda folder: (folder / "three.py").write_text(""),
        lambda folder: (folder / "one.py").unlink(),
        lambda folder: (folder / "one.py").rename(folder / "first.py"),
        lambda folder: (folder / "one.py").rename(folder / "inner" / "one.py"),
    ],
    ids=["a file", "a file in a folder", "a new one", "one less", "a name", "a place"],
)
def test_it_changes_with(change, sources):
    before = fingerprint.read_fingerprint()
    change(sources)
    assert fingerprint.read_fingerprint() != before


def test_it_does_not_change_with_the_place_and_with_what_is_no_source(sources, tmp_path):
    before = fingerprint.read_fingerprint()
    (sources / "notes.txt").write_text("x")
    (sources / "__pycache__").mkdir()
    (sources / "__pycache__" / "one.py").write_text("x")
    assert fingerprint.read_fingerprint() == before
    fingerprint._FOLDER = shutil.move(sources, tmp_path / "elsewhere")
    assert fingerprint.read_fingerprint() == before


def test_without_sources_there_is_none(sources):
    shutil.rmtree(sources)
    assert fingerprint.read_fingerprint() is None
    sources.mkdir()
    assert fingerprint.read_fingerprint() is None
