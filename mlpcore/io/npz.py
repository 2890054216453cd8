"""Arrays in NPZ files, none of which is unpickled."""

import os
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from mlpcore.io.atomic import StrPath
from mlpcore.io.table import shortened

__all__ = ["read_npz"]


def read_npz(path: StrPath, names: Sequence[str]) -> list[np.ndarray[Any, Any]]:
    """Return the arrays called `names` in an NPZ file.

    Raises
    ------
    ValueError
        If the file is damaged or something else, has no array of a name, or would need unpickling.
    OSError
        If it cannot be read.
    """
    path = os.fsdecode(path)
    with open(path, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                held = [entry.removesuffix(".npy") for entry in archive.namelist()]
        except Exception as error:  # whatever damaged bytes make of the reader
            raise ValueError(f"{path}: it is no NPZ file, or a damaged one ({error})") from error
        for name in names:
            if name not in held:
                raise ValueError(f"{path}: no array {name!r}; there are {shortened(held)}")
        file.seek(0)
        with np.load(file, allow_pickle=False) as arrays:
            return [_array(path, arrays, name) for name in names]


def _array(path: str, arrays: Any, name: str) -> np.ndarray[Any, Any]:
    try:
        array = arrays[name]
    except Exception as error:  # as above, also from decompressing and from NumPy
        raise ValueError(f"{path}: array {name!r} cannot be read: {error}") from error
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{path}: {name!r} is not an array")
    return array
