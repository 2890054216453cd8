"""Files are read if only this user can have written them, and are written whole or not at all."""

import os
import stat
import subprocess
import sys
import textwrap
import time

import pytest

from mlpcore.backends.private_folder import PrivateFolder

pytestmark = pytest.mark.skipif(os.name != "posix", reason="owners and modes are those of POSIX")

as_root = pytest.mark.skipif(
    os.name == "posix" and os.geteuid() != 0, reason="only root can become another user"
)

STRANGER = 12345
"""A user who is in no list of users."""


@pytest.fixture
def folder(tmp_path):
    return PrivateFolder(str(tmp_path / "cache" / "kernels"))


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def as_stranger(script, *arguments):
    """Run a script that finds PrivateFolder imported, as a user who is in no list of users."""
    start = f"""
import os, sys
from mlpcore.backends.private_folder import PrivateFolder
os.setgid({STRANGER}); os.setuid({STRANGER})
"""
    return subprocess.run(
        [sys.executable, "-c", start + textwrap.dedent(script), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_what_was_written_is_read(folder):
    folder.write("a", b"first")
    folder.write("a", b"second")
    assert folder.read("a") == b"second"
    assert [entry.name for entry in folder.entries()] == ["a"]
    folder.remove("a")
    assert folder.entries() == []


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_nobody_else_gets_any_right(folder, umask):
    before = os.umask(umask)
    try:
        folder.write("a", b"x")
    finally:
        os.umask(before)
    assert mode(folder.path) == 0o700
    assert mode(os.path.dirname(folder.path)) == 0o700
    assert mode(os.path.join(folder.path, "a")) == 0o600


def test_nothing_is_there_at_first(folder):
    with pytest.raises(FileNotFoundError):
        folder.read("a")
    folder.write("a", b"x")
    with pytest.raises(FileNotFoundError):
        folder.read("b")


def test_a_folder_that_others_may_read_becomes_private(folder):
    os.makedirs(folder.path, 0o755)
    os.chmod(folder.path, 0o755)
    folder.write("a", b"x")
    assert mode(folder.path) == 0o700
    assert folder.read("a") == b"x"


@pytest.mark.parametrize("bits", [0o770, 0o707, 0o777])
def test_a_folder_that_others_may_write_is_refused(folder, bits):
    folder.write("a", b"x")
    os.chmod(folder.path, bits)
    with pytest.raises(PermissionError, match="other users can write to it"):
        folder.read("a")
    with pytest.raises(PermissionError, match="other users can write to it"):
        folder.write("a", b"y")


@pytest.mark.parametrize("bits", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_refused_and_can_be_replaced(folder, bits):
    folder.write("a", b"x")
    os.chmod(os.path.join(folder.path, "a"), bits)
    with pytest.raises(PermissionError, match="other users can write to it"):
        folder.read("a")
    folder.write("a", b"y")
    assert folder.read("a") == b"y"


@as_root
def test_a_folder_of_another_user_is_refused(folder):
    folder.write("a", b"x")
    os.chown(folder.path, STRANGER, STRANGER)
    with pytest.raises(PermissionError, match="another user owns it"):
        folder.read("a")
    with pytest.raises(PermissionError, match="another user owns it"):
        folder.write("b", b"y")
    assert os.listdir(folder.path) == ["a"]


@as_root
def test_a_file_of_another_user_is_refused(folder):
    folder.write("a", b"x")
    os.chown(os.path.join(folder.path, "a"), STRANGER, STRANGER)
    with pytest.raises(PermissionError, match="another user owns it"):
        folder.read("a")


def test_a_link_in_the_place_of_the_folder_is_refused(folder, tmp_path):
    target = tmp_path / "elsewhere"
    target.mkdir(0o700)
    os.makedirs(os.path.dirname(folder.path))
    os.symlink(target, folder.path)
    with pytest.raises(OSError):  # noqa: PT011 - ELOOP or ENOTDIR, as the system likes
        folder.write("a", b"x")
    assert list(target.iterdir()) == []


def test_a_link_of_this_users_to_a_folder_above_is_followed(tmp_path):
    (tmp_path / "big disk").mkdir()
    os.symlink(tmp_path / "big disk", tmp_path / "cache")
    folder = PrivateFolder(str(tmp_path / "cache" / "kernels"))
    folder.write("a", b"x")
    assert (tmp_path / "big disk" / "kernels" / "a").read_bytes() == b"x"


@as_root
def test_a_link_of_another_users_to_a_folder_above_is_refused(tmp_path):
    (tmp_path / "trap").mkdir()
    os.symlink(tmp_path / "trap", tmp_path / "cache")
    os.chown(tmp_path / "cache", STRANGER, STRANGER, follow_symlinks=False)
    with pytest.raises(PermissionError, match="another user owns it"):
        PrivateFolder(str(tmp_path / "cache" / "kernels")).write("a", b"x")


def test_a_link_in_the_place_of_a_file_is_refused_and_replaced(folder, tmp_path):
    folder.write("a", b"x")
    (tmp_path / "other").write_bytes(b"other")
    os.symlink(tmp_path / "other", os.path.join(folder.path, "b"))
    with pytest.raises(OSError):  # noqa: PT011 - ELOOP, or EMLINK on some systems
        folder.read("b")
    folder.write("b", b"y")
    assert folder.read("b") == b"y"
    assert (tmp_path / "other").read_bytes() == b"other"


def test_a_pipe_or_a_folder_in_the_place_of_a_file_is_refused_at_once(folder):
    folder.write("a", b"x")
    os.mkfifo(os.path.join(folder.path, "pipe"), 0o600)
    os.mkdir(os.path.join(folder.path, "folder"), 0o700)
    for name in ("pipe", "folder"):
        with pytest.raises(OSError):  # noqa: PT011
            folder.read(name)


FULL_DISK = """
import os, resource, signal, sys
from mlpcore.backends.private_folder import PrivateFolder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
folder = PrivateFolder(sys.argv[1])
folder.write("small", b"x" * 1000)
try:
    folder.write("large", b"x" * 100_000)
except OSError as error:
    print(type(error).__name__)
print(os.listdir(sys.argv[1]))
"""


def test_a_file_that_does_not_fit_leaves_nothing_behind(folder):
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, folder.path], capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    assert done.stdout.split() == ["OSError", "['small']"]


@as_root
def test_a_folder_that_cannot_be_written_can_be_read(tmp_path):
    """And one that cannot be created is an error without traces."""
    script = """
    folder = PrivateFolder(sys.argv[1])
    folder.write("a", b"x")
    os.chmod(sys.argv[1], 0o500)
    print(folder.read("a"))
    for locked in (folder, PrivateFolder("/proc/mlpcore/kernels")):
        try:
            locked.write("b", b"y")
        except OSError as error:
            print(type(error).__name__)
    """
    os.chmod(tmp_path, 0o777)
    done = as_stranger(script, reachable(tmp_path) / "kernels")
    assert done.stderr == ""
    assert done.stdout.split() == ["b'x'", "PermissionError", "FileNotFoundError"]


def reachable(path):
    """Return `path` after others have got the right to pass through the folders above it."""
    for parent in path.parents:
        if parent.stat().st_uid == os.geteuid() and not parent.stat().st_mode & stat.S_IXOTH:
            os.chmod(parent, mode(parent) | stat.S_IXOTH)
    return path


def test_reading_makes_an_old_file_young_again(folder):
    folder.write("a", b"x")
    week_ago = time.time() - 7 * 24 * 3600
    os.utime(os.path.join(folder.path, "a"), (week_ago, week_ago))
    assert folder.entries()[0].age > 6 * 24 * 3600
    folder.read("a")
    assert folder.entries()[0].age < 3600
