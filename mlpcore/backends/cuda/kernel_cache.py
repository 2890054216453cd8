"""Compiled kernels of GPUs on disk, so that the next process need not compile them.

A file holds the PTX or the machine code of one kernel, sealed (`mlpcore.backends.sealed_code`), in
the folder ``cuda`` beside the CPU's ``kernels``.  Such code reads and writes whatever the process
has on the GPU, so that folder must be this user's alone, too.  Nothing is locked: processes that
begin at the same time compile the same kernels each, and the last one's files stay.
"""

import functools
import logging
import os
from contextlib import suppress

from mlpcore.backends.cache_folder import cache_folder
from mlpcore.backends.private_folder import PrivateFolder, in_words
from mlpcore.backends.sealed_code import key_of, sealed, unsealed

__all__ = ["KernelCache", "default_kernel_cache"]

_SUFFIX = ".code"

_MOST = 1000
"""How many kernels stay, those that were used last: a network in training has about ten."""

_MORE = 100
"""How many more there may be before the folder is looked through."""

_log = logging.getLogger("mlpcore")


class KernelCache:
    """The files below one folder, as `mlpcore.kernels.cuda.kept.Keeper` wants them.

    Parameters
    ----------
    folder : str or None
        The folder for everything that mlpcore keeps; with None nothing is kept.
    """

    def __init__(self, folder: str | None) -> None:
        self._folder = None if folder is None else PrivateFolder(os.path.join(folder, "cuda"))
        self._said: set[str] = set()
        self._written = 0

    def fetch(self, what: str, key: str) -> bytes | None:
        """Return the code, or None without a file that is whole and can be trusted."""
        if self._folder is None:
            return None
        digest = key_of((what, key))
        name = _file_name(digest)
        try:
            code = unsealed(self._folder.read(name), digest)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._say(error)
            return None
        if code is None:
            _log.debug("%s is damaged; %s will be compiled again", name, what)
        return code

    def keep(self, what: str, key: str, code: bytes) -> None:
        """Write the code if that is possible."""
        if self._folder is None:
            return
        digest = key_of((what, key))
        try:
            self._folder.write(_file_name(digest), sealed(digest, code))
        except OSError as error:
            self._say(error)
            return
        # To remove too much costs whoever needs it a compilation, and nobody who reads it notices.
        if self._written % _MORE == 0:
            with suppress(OSError):
                self._folder.prune("", _SUFFIX, _MOST)
        self._written += 1

    def path(self, what: str, key: str) -> str | None:
        """Return where the code is or would be, or None if nothing is kept."""
        if self._folder is None:
            return None
        return os.path.join(self._folder.path, _file_name(key_of((what, key))))

    def _say(self, error: OSError) -> None:
        reason = in_words(error)
        if reason not in self._said:
            self._said.add(reason)
            _log.info("compiled kernels of the GPU are not kept on disk: %s", reason)


@functools.cache
def _cache(folder: str | None) -> KernelCache:
    return KernelCache(folder)


def default_kernel_cache() -> KernelCache:
    """Return the cache in `cache_folder`, as the environment is now."""
    folder = cache_folder()
    return _cache(None if folder is None else os.path.abspath(folder))


def _file_name(digest: bytes) -> str:
    return f"{digest.hex()[:32]}{_SUFFIX}"
