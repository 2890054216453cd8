"""The safetensors container: strings and named arrays in one file, whatever they mean.

A file is the length of its header, eight bytes little-endian; the header, a JSON object with the
dtype, shape and place of each array by name and with strings under ``__metadata__``; and the bytes
of the arrays, without holes (the format's own README, section "Format").
"""

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np

from mlpcore.io.atomic import replacing
from mlpcore.io.errors import ModelFileError

_DTYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "BOOL": np.dtype("?"),
    **{f"I{8 * size}": np.dtype(f"<i{size}") for size in (1, 2, 4, 8)},
    **{f"U{8 * size}": np.dtype(f"<u{size}") for size in (1, 2, 4, 8)},
}
_FLOATS = ("F32", "F64")
_ENTRIES = "__metadata__"
_LENGTH_BYTES = 8
_ALIGNMENT = 8


@dataclass(frozen=True)
class Header:
    """The header of a file.

    Attributes
    ----------
    entries : dict of str to str
        The strings.
    table : dict
        For each array by name its ``dtype``, ``shape`` and ``data_offsets``, as the file has them.
    """

    entries: dict[str, str]
    table: dict[str, Any]


def can_hold(dtype: np.dtype[Any]) -> bool:
    """Return whether arrays of `dtype`, in any byte order, have a place in a file."""
    return dtype.newbyteorder("<") in _DTYPES.values()


def table_of(arrays: Mapping[str, np.ndarray[Any, Any]]) -> dict[str, Any]:
    """Return the table of `arrays`, little-endian, one after the other."""
    names = {dtype: name for name, dtype in _DTYPES.items()}
    table, start = {}, 0
    for name, array in arrays.items():
        table[name] = {
            "dtype": names[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [start, start + array.nbytes],
        }
        start += array.nbytes
    return table


def bytes_of(array: np.ndarray[Any, Any]) -> memoryview:
    """Return the bytes of a contiguous array without copying them."""
    flat: Any = array.reshape(-1).view(np.uint8)
    return memoryview(flat)


def write(path: str, header: Header, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
    """Write `arrays`, contiguous and in the order of the header's table, whole or not at all."""
    # The package would order the strings anew at every call, and no two files would be equal.
    content = {_ENTRIES: header.entries} | header.table
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    with replacing(path) as file:
        file.write(len(text).to_bytes(_LENGTH_BYTES, "little"))
        file.write(text)
        for array in arrays.values():
            file.write(bytes_of(array))


def read(path: str) -> bytes:
    """Return the content of the file at `path`.

    Raises
    ------
    ModelFileError
        If it is no regular file.
    OSError
        If it is not there or cannot be read.
    """
    with _opened(path) as file:
        return file.read()


def read_header(path: str) -> Header:
    """Return the header of the file at `path` without reading the rest.

    Raises
    ------
    ModelFileError, OSError
        As for `read` and `header_of`.
    """
    with _opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(_LENGTH_BYTES)
        length = _header_length(path, start, size)
        return _parsed(path, file.read(length))


def header_of(path: str, content: bytes) -> Header:
    """Return the header of a file with this content.

    Raises
    ------
    ModelFileError
        If it is empty, cut off, or its header is not what safetensors prescribes.
    """
    length = _header_length(path, content[:_LENGTH_BYTES], len(content))
    return _parsed(path, content[_LENGTH_BYTES : _LENGTH_BYTES + length])


def arrays_of(
    path: str, header: Header, content: bytes, *, free: str
) -> dict[str, np.ndarray[Any, Any]]:
    """Return the arrays of a file with this header and content, by name.

    Parameters
    ----------
    path, header, content
        The file.
    free : str
        How the names of those begin that may hold integers and booleans, too.

    Raises
    ------
    ModelFileError
        If the arrays do not fill the file exactly, or are neither float32 nor float64.
    """
    import safetensors

    _check_length(path, header, content)
    deserialize: Any = safetensors.deserialize
    try:
        arrays = {}
        for name, tensor in deserialize(content):
            if tensor["dtype"] not in (_DTYPES if name.startswith(free) else _FLOATS):
                refuse(path, f"{name} has dtype {tensor['dtype']}; models are float32 or float64")
            flat = np.frombuffer(tensor["data"], _DTYPES[tensor["dtype"]])
            arrays[name] = flat.reshape(tensor["shape"])
    except (safetensors.SafetensorError, ValueError, OverflowError) as error:
        if isinstance(error, ModelFileError):
            raise
        refuse(path, f"it is damaged: {error}", error)
    return arrays


def refuse(path: str, what: str, cause: BaseException | None = None) -> NoReturn:
    """Raise the ModelFileError that says `what` is wrong with `path`."""
    raise ModelFileError(f"{path}: {' '.join(what.split())}") from cause


def _opened(path: str) -> BinaryIO:
    mode = os.stat(path).st_mode  # before opening, which waits for ever on a pipe
    if stat.S_ISDIR(mode):
        refuse(path, "it is a directory, not a model file")
    if not stat.S_ISREG(mode):
        refuse(path, "it is not a regular file")
    return Path(path).open("rb")


def _header_length(path: str, start: bytes, size: int) -> int:
    if not start:
        refuse(path, "the file is empty")
    if len(start) < _LENGTH_BYTES:
        refuse(path, f"the file is cut off: it has {len(start)} bytes")
    length = int.from_bytes(start, "little")
    if length > size - _LENGTH_BYTES:
        refuse(
            path,
            f"its header should be {length} bytes long and the whole file has {size}: "
            "it is cut off, or no safetensors file",
        )
    return length


def _parsed(path: str, text: bytes) -> Header:
    try:
        content = json.loads(text.decode())
    except (ValueError, RecursionError) as error:
        refuse(path, "its header cannot be read: it is damaged, or no safetensors file", error)
    if not isinstance(content, dict):
        refuse(path, "its header is no JSON object: it is damaged, or no safetensors file")
    entries = content.pop(_ENTRIES, {})
    if not isinstance(entries, dict) or not all(isinstance(v, str) for v in entries.values()):
        refuse(path, "its metadata are not strings by name")
    return Header(entries, content)


def _check_length(path: str, header: Header, content: bytes) -> None:
    """Say by how much a file is too short or too long, where its header can tell."""
    length = _LENGTH_BYTES + int.from_bytes(content[:_LENGTH_BYTES], "little")
    try:
        ends = [entry["data_offsets"][1] for entry in header.table.values()]
        missing = int(max(ends, default=0)) - (len(content) - length)
    except (KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
        refuse(path, "its header does not say where the arrays are", error)
    if missing > 0:
        refuse(path, f"the file is cut off: {missing} bytes are missing at its end")
    if missing < 0:
        refuse(path, f"it has {-missing} bytes after the end of its arrays")
