"""The format of files that hold compiled code, in which damaged and foreign ones show.

A file is::

    8 bytes   "MLPCORE" and the version of this format
    32 bytes  the key: the SHA-256 of all that the code depends on
    32 bytes  the SHA-256 of what follows
    rest      the code
"""

import hashlib

__all__ = ["key_of", "sealed", "unsealed"]

_MAGIC = b"MLPCORE\x01"
_HASH_BYTES = 32
_HEADER_BYTES = len(_MAGIC) + 2 * _HASH_BYTES


def key_of(everything: object) -> bytes:
    """Return the key of code that depends on `everything`, which is told by its ``repr``."""
    return hashlib.sha256(repr(everything).encode()).digest()


def sealed(key: bytes, code: bytes) -> bytes:
    """Return the file that holds `code` under its key."""
    return _MAGIC + key + hashlib.sha256(code).digest() + code


def unsealed(file: bytes, key: bytes) -> bytes | None:
    """Return the code in a file, or None unless it is whole, of this format and of this key."""
    code = memoryview(file)[_HEADER_BYTES:]
    if file[:_HEADER_BYTES] != _MAGIC + key + hashlib.sha256(code).digest():
        return None
    return bytes(code)
