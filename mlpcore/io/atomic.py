"""Writing a file so that it is there whole or not at all."""

import errno
import glob
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeAlias

StrPath: TypeAlias = str | bytes | os.PathLike[str] | os.PathLike[bytes]

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_RANDOM_BYTES = 8
_LONGEST = 200
"""How much of a file's name its temporary file repeats: names may have 255 bytes."""


@contextmanager
def replacing(path: StrPath) -> Iterator[BinaryIO]:
    """Open a new file that takes the place of `path` when the block ends without an error.

    The bytes are on the disk before the old file goes.  A new file gets the permissions that the
    umask leaves, one that is replaced keeps its own; a symbolic link stays and its target is
    replaced.

    Parameters
    ----------
    path : path
        The file to write.

    Yields
    ------
    binary file
        Open for writing, in the folder of `path`.

    Raises
    ------
    OSError
        If it cannot be written.  After this or any other error `path` is as it was, and nothing
        else is left in its folder.
    """
    path = os.fsdecode(path)
    target, mode = _target(path)
    temporary = _temporary(target)
    try:
        with _opened(temporary) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            temporary.chmod(mode)
        temporary.replace(target)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.filename in (None, str(temporary)):
            raise _of(path, error) from None
        raise
    _flush_folder(target.parent)


def require_writable(path: StrPath) -> None:
    """Check that `replacing` could write `path`, before the work whose result goes there.

    Raises
    ------
    OSError
        If its folder is missing or cannot be written, or `path` is no regular file or
        write-protected.  Nothing is left behind.
    """
    path = os.fsdecode(path)
    target, _ = _target(path)
    temporary = _temporary(target)
    try:
        _opened(temporary).close()
        temporary.unlink()
    except OSError as error:
        raise _of(path, error) from None


def remove_leftovers(path: StrPath) -> None:
    """Remove what processes that were killed while they replaced `path` have left beside it.

    Only for a file that nobody else writes meanwhile.
    """
    target = Path(os.path.realpath(os.fsdecode(path)))
    digits = "[0-9a-f]" * (2 * _RANDOM_BYTES)
    with suppress(OSError):
        for found in target.parent.glob(glob.escape(_prefix(target)) + digits + ".tmp"):
            found.unlink()


def _temporary(target: Path) -> Path:
    return target.with_name(f"{_prefix(target)}{secrets.token_hex(_RANDOM_BYTES)}.tmp")


def _prefix(target: Path) -> str:
    """Return how the names of the temporary files of `target` begin."""
    return f".{os.fsdecode(os.fsencode(target.name)[:_LONGEST])}."


def _target(path: str) -> tuple[Path, int | None]:
    """Return the file that `path` leads to, and the permissions of one that is already there."""
    if os.path.basename(path) in ("", "."):  # the end of a folder's name, which Path would drop
        raise _os_error(errno.EISDIR, path)
    target = Path(os.path.realpath(path))
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return target, None
    if stat.S_ISDIR(mode):
        raise _os_error(errno.EISDIR, path)
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a regular file", path)
    if not os.access(target, os.W_OK):
        # The folder alone would let it be replaced, against what its owner asked for.
        raise _os_error(errno.EACCES, path)
    return target, stat.S_IMODE(mode)


def _opened(temporary: Path) -> BinaryIO:
    # Created with the mode of any new file, so that the umask applies without being asked for:
    # to read it means to set it, for every thread of the process.
    return os.fdopen(os.open(temporary, _CREATE, 0o666), "wb")


def _os_error(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)


def _of(path: str, error: OSError) -> OSError:
    """Return `error` as one of `path`: nobody knows the name of the temporary file."""
    # A new one, since even a second file name of None would be printed.
    return error if error.errno is None else OSError(error.errno, error.strerror, path)


def _flush_folder(folder: Path) -> None:
    """Let the new name survive a power cut too, where the system can flush a folder."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
