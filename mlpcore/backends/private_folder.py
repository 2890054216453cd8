"""A folder of files that nobody but this user can have written.

To load a file of machine code is to run it, so what another user could have put there is refused.
The folder is opened once for each piece of work and its files are reached through it: that another
folder takes its name meanwhile changes nothing.
"""

import errno
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

__all__ = ["Entry", "PrivateFolder", "in_words"]

_PRIVATE = 0o700
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_ROOT = 0
_DAY = 24 * 60 * 60

_TEMPORARY = ".tmp"
_ABANDONED_SECONDS = 3600
"""The age at which a temporary file belongs to a process that was killed."""

# What Windows lacks: there the folder of a user is private by its access list.
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0) | _NO_LINK
# A pipe of that name would keep us waiting for somebody to write into it.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | _NO_LINK
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | _NO_LINK


class Entry(NamedTuple):
    """A file of the folder.

    Attributes
    ----------
    name : str
        Its name.
    age : float
        Seconds since it was written or, to within a day, read.
    """

    name: str
    age: float


class PrivateFolder:
    """The folder at `path`, which is created when it is first written to.

    Parameters
    ----------
    path : str
        An absolute path.  A symbolic link is refused; the folder that it lies in may be one, unless
        another user made it.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises
        ------
        FileNotFoundError
            If there is no such file or no such folder.
        PermissionError
            If another user owns the folder or the file, or can write to it.
        OSError
            If it cannot be read, or is no regular file.
        """
        with self._opened() as folder:
            descriptor = os.open(self._place(name, folder), _READ, dir_fd=folder)
            with os.fdopen(descriptor, "rb") as file:
                status = os.fstat(descriptor)
                _require_ours(status, os.path.join(self.path, name))
                if not stat.S_ISREG(status.st_mode):
                    raise OSError(errno.EINVAL, "not a regular file", name)
                if time.time() - status.st_mtime > _DAY and os.utime in os.supports_fd:
                    with suppress(OSError):  # a read-only disk: the file will seem older than it is
                        os.utime(descriptor)
                return file.read()

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole or not at all, in the place of one that is there.

        It need not survive a power cut: whoever reads it can tell that it is damaged.

        Raises
        ------
        PermissionError
            If another user owns the folder, or can write to it.
        OSError
            If it cannot be written; nothing is left behind.
        """
        self._create()
        with self._opened() as folder:
            temporary = self._place(f".{secrets.token_hex(8)}{_TEMPORARY}", folder)
            try:
                descriptor = os.open(temporary, _CREATE, 0o600, dir_fd=folder)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                os.replace(
                    temporary, self._place(name, folder), src_dir_fd=folder, dst_dir_fd=folder
                )
            except BaseException:
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=folder)
                raise

    def remove(self, name: str) -> None:
        """Remove a file; whoever reads it goes on reading.

        Raises
        ------
        OSError
            If it cannot be removed.
        """
        with self._opened() as folder:
            os.unlink(self._place(name, folder), dir_fd=folder)

    def entries(self) -> list[Entry]:
        """Return the files, temporary ones too.

        Raises
        ------
        OSError
            If the folder cannot be read.
        """
        now = time.time()
        found = []
        with self._opened() as folder:
            for name in os.listdir(self.path if folder is None else folder):
                with suppress(FileNotFoundError):  # removed by another process
                    status = os.stat(
                        self._place(name, folder), dir_fd=folder, follow_symlinks=False
                    )
                    found.append(Entry(name, now - status.st_mtime))
        return found

    def prune(self, start: str, end: str, most: int) -> None:
        """Remove files whose names start and end so, but for the `most` that were used last.

        Temporary files that a killed process left go too.

        Raises
        ------
        OSError
            If the folder cannot be read, or a file cannot be removed.
        """
        entries = sorted(self.entries(), key=lambda entry: entry.age)
        named = [e for e in entries if e.name.startswith(start) and e.name.endswith(end)]
        temporary = [e for e in entries if e.name.endswith(_TEMPORARY)]
        abandoned = [e for e in temporary if e.age > _ABANDONED_SECONDS]
        for entry in named[most:] + abandoned:
            self.remove(entry.name)

    def _create(self) -> None:
        os.makedirs(os.path.dirname(self.path), _PRIVATE, exist_ok=True)
        with suppress(FileExistsError):
            os.mkdir(self.path, _PRIVATE)

    @contextmanager
    def _opened(self) -> Iterator[int | None]:
        """Give a descriptor of the folder, found to be ours; None on systems that have none."""
        if not _NO_LINK or os.open not in os.supports_dir_fd:
            yield None
            return
        parent = os.path.dirname(self.path)
        link = os.lstat(parent)
        if stat.S_ISLNK(link.st_mode) and link.st_uid != _ROOT:
            _require_ours(link, parent, mode=0)
        folder = os.open(self.path, _FOLDER)
        try:
            status = os.fstat(folder)
            _require_ours(status, self.path)
            if status.st_mode & _OTHERS:
                with suppress(OSError):  # a read-only disk; nobody else can write there either
                    os.fchmod(folder, _PRIVATE)
            yield folder
        finally:
            os.close(folder)

    def _place(self, name: str, folder: int | None) -> str:
        return os.path.join(self.path, name) if folder is None else name


def in_words(error: OSError) -> str:
    """Return what is wrong, and with which file."""
    place = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
    return f"{place}{error.strerror or error}"


def _require_ours(status: os.stat_result, path: str, mode: int = _OTHERS_WRITE) -> None:
    """Raise PermissionError if the file of `status` is another user's, or has a bit of `mode`."""
    if not hasattr(os, "geteuid"):
        return
    if status.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "another user owns it", path)
    if status.st_mode & mode:
        raise PermissionError(errno.EPERM, "other users can write to it", path)
