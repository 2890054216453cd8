"""A file is replaced whole or stays as it was."""

import os
import stat

import pytest

from mlpcore.io.atomic import replacing, require_writable

as_user = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not bind this user"
)


class PowerCut(BaseException):
    """Whatever may end a write, Ctrl-C included."""


@pytest.fixture
def umask_027():
    old = os.umask(0o027)
    yield
    os.umask(old)


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def names_in(folder):
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize("before", [None, b"old"])
def test_the_new_content_is_there_afterwards(tmp_path, before):
    path = tmp_path / "file"
    if before is not None:
        path.write_bytes(before)
    with replacing(path) as file:
        file.write(b"new")
        assert names_in(tmp_path) != ["file"]  # elsewhere until it is whole
    assert path.read_bytes() == b"new"
    assert names_in(tmp_path) == ["file"]


def write_half(path, error):
    with replacing(path) as file:
        file.write(b"half of the n")
        raise error


@pytest.mark.parametrize("error", [PowerCut, KeyboardInterrupt, ValueError, OSError])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(error):
        write_half(path, error)
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["file"]


@pytest.mark.parametrize("call", ["flush", "replace"])
def test_a_disk_that_fails_at_the_end_leaves_the_old_file(tmp_path, monkeypatch, call):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(
        *{"flush": ("os.fsync", fail), "replace": ("pathlib.Path.replace", fail)}[call]
    )
    with pytest.raises(OSError, match="No space left") as caught, replacing(path) as file:
        file.write(b"new")
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["file"]


def test_a_new_file_gets_what_the_umask_leaves(tmp_path, umask_027):
    with replacing(tmp_path / "file"):
        pass
    assert mode_of(tmp_path / "file") == 0o640


def test_a_replaced_file_keeps_its_permissions(tmp_path, umask_027):
    path = tmp_path / "file"
    path.write_bytes(b"private")
    path.chmod(0o600)
    with replacing(path) as file:
        file.write(b"new")
    assert mode_of(path) == 0o600


def test_a_link_stays_and_its_target_is_replaced(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    with replacing(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_relative_path_is_one_of_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    require_writable("file")
    with replacing("file") as file:
        file.write(b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


@pytest.mark.parametrize(
    "spell", [str, os.fsencode, lambda path: path], ids=["str", "bytes", "Path"]
)
def test_a_path_is_text_or_bytes_or_an_object(tmp_path, spell):
    path = tmp_path / "fïle"
    require_writable(spell(path))
    with replacing(spell(path)) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("path", [None, 3, ["file"]])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(TypeError, match=r"expected str, bytes or os\.PathLike object"):
        require_writable(path)


def opened(path):
    with replacing(path):
        pass


@pytest.mark.parametrize("attempt", [opened, require_writable])
class TestWhatCannotBeWritten:
    def test_a_folder(self, tmp_path, attempt):
        with pytest.raises(IsADirectoryError):
            attempt(tmp_path)

    def test_in_a_folder_that_is_missing(self, tmp_path, attempt):
        path = tmp_path / "missing" / "file"
        with pytest.raises(FileNotFoundError) as caught:
            attempt(path)
        assert caught.value.filename == str(path)
        assert str(caught.value) == f"[Errno 2] No such file or directory: {str(path)!r}"

    @pytest.mark.parametrize("end", [os.sep, os.sep * 2, f"{os.sep}{os.curdir}"])
    def test_a_folder_that_is_missing_too(self, tmp_path, attempt, end):
        with pytest.raises(IsADirectoryError) as caught:
            attempt(f"{tmp_path / 'new'}{end}")
        assert caught.value.filename == f"{tmp_path / 'new'}{end}"
        assert names_in(tmp_path) == []

    def test_below_a_file(self, tmp_path, attempt):
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(NotADirectoryError):
            attempt(tmp_path / "file" / "below")

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
    def test_a_pipe(self, tmp_path, attempt):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(OSError, match="not a regular file"):
            attempt(tmp_path / "pipe")

    @as_user
    def test_in_a_folder_without_permission(self, tmp_path, attempt):
        tmp_path.chmod(0o500)
        with pytest.raises(PermissionError):
            attempt(tmp_path / "file")

    def test_a_write_protected_file(self, tmp_path, attempt, monkeypatch):
        path = tmp_path / "file"
        path.write_bytes(b"old")
        # Said through the function that asks, because nothing is protected from root.
        monkeypatch.setattr("os.access", lambda *_: False)
        with pytest.raises(PermissionError):
            attempt(path)
        assert path.read_bytes() == b"old"

    def test_leaves_nothing_behind(self, tmp_path, attempt):
        with pytest.raises(IsADirectoryError):
            attempt(tmp_path)
        assert names_in(tmp_path) == []


def test_asking_leaves_nothing_behind(tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    require_writable(tmp_path / "file")
    require_writable(tmp_path / "new")
    assert names_in(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"
