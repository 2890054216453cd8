"""Compiled kernels on disk, so that the first prediction of the next process is fast.

A file holds one unit for one instruction set and dtype, sealed (`mlpcore.backends.sealed_code`):
`ObjectCode.to_bytes`, which is signatures in JSON and an object file.

Its name ends with the beginning of the key, so versions and environments that share a folder do not
meet.  Nothing is locked: processes that begin at the same time compile the same code each, and the
last one's file stays.
"""

import functools
import logging
import os
from contextlib import suppress
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from mlpcore.backends.cache_folder import cache_folder
from mlpcore.backends.private_folder import PrivateFolder, in_words
from mlpcore.backends.sealed_code import key_of, sealed, unsealed
from mlpcore.kernels.cpu.codegen.instruction_set import InstructionSet
from mlpcore.kernels.cpu.codegen.object_code import ObjectCode
from mlpcore.kernels.cpu.codegen.target import platform_name
from mlpcore.kernels.cpu.fingerprint import FINGERPRINT, read_fingerprint

__all__ = ["CodeCache", "default_cache"]

_SUFFIX = ".code"
_VERSIONS_KEPT = 8
"""How many files of a unit, instruction set and dtype stay, those that were used last."""

_NO_FOLDER = "there is no home folder; MLPCORE_CACHE_DIR can name another"
_NO_SOURCES = "the sources of the kernels cannot be read, which tell one version from another"

_log = logging.getLogger("mlpcore")


class CodeCache:
    """The files below one folder.

    Parameters
    ----------
    folder : str or None
        The folder for everything that mlpcore keeps; kernels lie in ``kernels`` inside it.  With
        None nothing is kept.
    """

    def __init__(self, folder: str | None) -> None:
        self._folder = None if folder is None else PrivateFolder(os.path.join(folder, "kernels"))
        self._said: set[str] = set()
        if folder is None:
            self._say(_NO_FOLDER)
        elif FINGERPRINT is None:
            self._say(_NO_SOURCES)

    def fetch(self, unit: str, isa: InstructionSet, dtype: str) -> ObjectCode | None:
        """Return the compiled unit, or None without one that is whole and can be trusted."""
        if self._folder is None or FINGERPRINT is None:
            return None
        key = _key(unit, isa, dtype)
        name = _file_name(unit, isa, dtype, key)
        try:
            data = self._folder.read(name)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._say(in_words(error))
            return None
        payload = unsealed(data, key)
        if payload is None:
            _log.debug("%s is damaged and will be compiled again", name)
            return None
        return ObjectCode.from_bytes(payload)

    def keep(self, unit: str, isa: InstructionSet, dtype: str, code: ObjectCode) -> None:
        """Write the compiled unit if that is possible."""
        try:
            self.write(unit, isa, dtype, code)
        except OSError as error:
            self._say(in_words(error))

    def write(self, unit: str, isa: InstructionSet, dtype: str, code: ObjectCode) -> None:
        """Write the compiled unit.

        Raises
        ------
        OSError
            If there is no folder, or it cannot be written or belongs to another user, or the
            sources of the kernels are not what they were when this process began to use them:
            nobody knows from which of them the code was made.
        """
        if self._folder is None:
            raise OSError(_NO_FOLDER)
        if FINGERPRINT is None:
            raise OSError(_NO_SOURCES)
        if read_fingerprint() != FINGERPRINT:
            raise OSError("the sources of the kernels have changed since they were first used")
        key = _key(unit, isa, dtype)
        file = sealed(key, code.to_bytes())
        self._folder.write(_file_name(unit, isa, dtype, key), file)
        # To remove too much costs whoever needs it a compilation, and nobody who reads it notices.
        with suppress(OSError):
            self._folder.prune(_stem(unit, isa, dtype), _SUFFIX, _VERSIONS_KEPT)

    def path(self, unit: str, isa: InstructionSet, dtype: str) -> str | None:
        """Return where the compiled unit is or would be, or None if nothing is kept."""
        if self._folder is None or FINGERPRINT is None:
            return None
        name = _file_name(unit, isa, dtype, _key(unit, isa, dtype))
        return os.path.join(self._folder.path, name)

    def _say(self, reason: str) -> None:
        if reason not in self._said:
            self._said.add(reason)
            _log.info("compiled kernels are not kept on disk: %s", reason)


@functools.cache
def _cache(folder: str | None) -> CodeCache:
    return CodeCache(folder)


def default_cache() -> CodeCache:
    """Return the cache in `cache_folder`, as the environment is now."""
    folder = cache_folder()
    return _cache(None if folder is None else os.path.abspath(folder))


def _key(unit: str, isa: InstructionSet, dtype: str) -> bytes:
    assert FINGERPRINT is not None
    versions: tuple[Any, ...] = (llvmlite.__version__, llvm.llvm_version_info)
    level = (isa.name, isa.cpu, isa.features, platform_name(isa))
    return key_of((FINGERPRINT.hex(), versions, level, dtype, unit))


def _stem(unit: str, isa: InstructionSet, dtype: str) -> str:
    return f"{unit}-{isa.name}-{dtype}-"


def _file_name(unit: str, isa: InstructionSet, dtype: str, key: bytes) -> str:
    return f"{_stem(unit, isa, dtype)}{key.hex()[:32]}{_SUFFIX}"
