"""When and where checkpoints are written, and what happens where they cannot be."""

import errno
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.kills import SOURCES, Tally, kill_and_resume

from mlpcore import MLP, load_checkpoint
from mlpcore.callbacks import Callback, Checkpoint

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
T = (X[:, 0] > 0).astype(np.int64)


def model(width=4):
    return MLP([3, width, 2], output="softmax", seed=0)


def fit(net, *callbacks, epochs=4, **options):
    return net.fit(
        X, T, epochs=epochs, batch_size=10, callbacks=callbacks, progress=False, **options
    )


class Positions(Callback):
    """Notes the positions that a file goes through."""

    after_others = True

    def __init__(self, path):
        self._path, self.found = path, []

    def on_batch_end(self, run):
        if self._path.exists():
            found = load_checkpoint(self._path)
            position = found.epoch, found.step
            if position not in self.found:
                self.found.append(position)

    def on_epoch_end(self, run):
        self.on_batch_end(run)


@pytest.mark.parametrize(
    ("arguments", "positions"),
    [
        ({}, [(1, 0), (2, 0), (3, 0), (4, 0)]),
        ({"every": 2}, [(2, 0), (4, 0)]),
        ({"every": 3}, [(3, 0), (4, 0)]),
        ({"every": None, "steps": 3}, [(0, 3), (1, 3), (2, 3), (3, 3)]),
        ({"every": 4, "steps": 2}, [(e, s) for e in range(4) for s in (2, 4)] + [(4, 0)]),
        ({"every": None, "seconds": 1e-9}, [(e, s) for e in range(4) for s in (1, 2, 3, 4)]),
        ({"seconds": 1e6}, [(1, 0), (2, 0), (3, 0), (4, 0)]),
    ],
)
def test_when_it_is_written(tmp_path, arguments, positions):
    path = tmp_path / "run.safetensors"
    noted = Positions(path)
    fit(model(), Checkpoint(path, **arguments), noted)
    assert noted.found == positions


def test_the_last_ones_are_kept(tmp_path):
    fit(model(), Checkpoint(tmp_path / "run.safetensors", keep=3), epochs=5)
    names = ["run.safetensors", "run.1.safetensors", "run.2.safetensors"]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted(names)
    assert [load_checkpoint(tmp_path / name).epoch for name in names] == [5, 4, 3]


def test_they_are_kept_where_there_are_no_links(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    test_the_last_ones_are_kept(tmp_path)


def test_without_checkpoints_inside_epochs_nobody_watches_steps(tmp_path):
    assert not Checkpoint(tmp_path / "a").watches_steps
    assert Checkpoint(tmp_path / "a", steps=3).watches_steps


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"every": 0}, ValueError, "every must be at least 1"),
        ({"every": 1.5}, TypeError, "every must be a whole number"),
        ({"keep": 0}, ValueError, "keep must be at least 1"),
        ({"steps": 0}, ValueError, "steps must be at least 1"),
        ({"seconds": 0}, ValueError, "seconds must be positive"),
        ({"every": None}, ValueError, "no checkpoint will be written"),
    ],
)
def test_wrong_arguments(arguments, error, words):
    with pytest.raises(error, match=words):
        Checkpoint("run.safetensors", **arguments)


# Where it cannot be written.


def test_a_folder_is_refused_before_any_work(tmp_path):
    net = model()
    with pytest.raises(IsADirectoryError, match=re.escape(str(tmp_path))):
        fit(net, Checkpoint(tmp_path))
    assert net.equals(model())


def test_a_folder_that_is_missing_is_told_before_any_work(tmp_path):
    net = model()
    with pytest.raises(FileNotFoundError):
        fit(net, Checkpoint(tmp_path / "none" / "run.safetensors"))
    assert net.equals(model())


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not bind this user"
)
def test_a_folder_that_is_read_only_is_told_before_any_work(tmp_path):
    net = model()
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError):
            fit(net, Checkpoint(tmp_path / "run.safetensors"))
    finally:
        tmp_path.chmod(0o700)
    assert net.equals(model())


def test_a_network_that_no_file_holds_is_told_before_any_work(tmp_path):
    net = MLP([3, 4, 2], activation=(lambda z: z, np.ones_like), seed=0)
    with pytest.raises(ValueError, match="function"):
        net.fit(X, np.eye(2)[T], callbacks=[Checkpoint(tmp_path / "a")], loss="mse")
    assert not list(tmp_path.iterdir())


def test_a_callback_whose_state_no_file_holds_is_named(tmp_path):
    class Odd(Callback):
        def state_dict(self):
            return {"set": {1, 2}}

    with pytest.raises(TypeError, match=r"callbacks\.0\.1\.set is of type set"):
        fit(model(), Odd(), Checkpoint(tmp_path / "a"))
    assert not list(tmp_path.iterdir())


FULL = """
import resource, signal, sys
sys.path[:0] = sys.argv[2:]
from test_checkpoint import Callback, Checkpoint, fit, model
class Fill(Callback):
    def on_epoch_end(self, run):
        if run.epoch == 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    fit(model(64), Fill(), Checkpoint(sys.argv[1], keep=2))
except OSError as error:
    print(error.errno, error.filename)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no limit on files here")
def test_a_disk_that_is_full_leaves_the_last_one(tmp_path):
    path = tmp_path / "run.safetensors"
    folders = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path), *folders],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{errno.EFBIG} {path}\n"
    assert load_checkpoint(path).epoch == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.1.safetensors", "run.safetensors"]
    assert load_checkpoint(tmp_path / "run.1.safetensors").epoch == 1


def test_what_a_killed_process_left_of_this_file_is_removed(tmp_path):
    mine, other = tmp_path / f".a.{'0' * 16}.tmp", tmp_path / f".b.{'0' * 16}.tmp"
    for path in (mine, other):
        path.write_bytes(b"half")
    fit(model(), Checkpoint(tmp_path / "a"))
    assert not mine.exists()
    assert other.exists()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_it_may_be_killed_at_any_moment(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[1]), *sys.path]))
    tally, seed = Tally(), int.from_bytes(os.urandom(4))
    kill_and_resume(tmp_path, SOURCES[seed % len(SOURCES)], 3, seed, tally)
    assert tally.kills <= 3
    assert tally.finished == 1


def test_a_link_stays_and_what_it_leads_to_is_kept(tmp_path):
    place, link = tmp_path / "place.safetensors", tmp_path / "run.safetensors"
    link.symlink_to(place)
    fit(model(), Checkpoint(link, keep=2), epochs=3)
    assert link.is_symlink()
    assert load_checkpoint(place).epoch == 3
    assert load_checkpoint(tmp_path / "run.1.safetensors").epoch == 2
