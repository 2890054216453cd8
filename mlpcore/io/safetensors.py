"""Models as safetensors files, which any program that reads that format can open.

Beside the arrays the header of a file holds these strings:

===================  ===========================================================================
``format``           ``mlpcore``
``schema``           the version of this table, 1
``mlpcore_version``  who wrote the file
``network``          `Network.config` as JSON
``seed``             the model's seed as a decimal number; files of early versions have none
``checksum``         BLAKE2b of 16 bytes over the rest of the header and all arrays
``user.NAME``        what the user added
``training``         in a checkpoint, what its training needs to go on, as `tree` writes it; the
                     arrays of it are called ``training.NAME``
===================  ===========================================================================

Nothing is unpickled.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from mlpcore.checks import whole_number
from mlpcore.io import _container
from mlpcore.io._container import Header, bytes_of, header_of, read_header, refuse, table_of
from mlpcore.io.atomic import StrPath
from mlpcore.io.tree import Leaves
from mlpcore.network import Network
from mlpcore.program import lower

__all__ = ["Saved", "read", "read_metadata", "write"]

FORMAT = "mlpcore"
SCHEMA = "1"
_USER = "user."
_TRAINING = "training"
_OF_TRAINING = "training."


@dataclass(frozen=True)
class Saved:
    """What a file holds.

    Attributes
    ----------
    network : Network
        The description of the network.
    dtype : numpy.dtype
        float32 or float64, of all arrays.
    values : dict of str to ndarray
        The parameters and the state of the network by name, all of them and in their shapes.
    metadata : dict of str to str
        What the user added.
    seed : int or None
        The seed of the model, where the file holds one.
    training : Leaves or None
        What a checkpoint holds besides.
    """

    network: Network
    dtype: np.dtype[Any]
    values: dict[str, np.ndarray[Any, Any]]
    metadata: dict[str, str]
    seed: int | None
    training: Leaves | None = None


def write(
    path: StrPath,
    network_config: Mapping[str, Any],
    values: Mapping[str, np.ndarray[Any, Any]],
    metadata: Mapping[str, str],
    seed: int | None = None,
    *,
    training: Leaves | None = None,
) -> None:
    """Write a model to `path`, whole or not at all; the same model gives the same bytes.

    Parameters
    ----------
    path : path
        The file; one that is there is replaced in the end.
    network_config : mapping
        `Network.config` of the model.
    values : mapping of str to ndarray
        The arrays by name, all float32 or all float64.
    metadata : mapping of str to str
        What else to keep.
    seed : int, optional
        The seed of the model.
    training : Leaves, optional
        What a checkpoint holds besides.

    Raises
    ------
    TypeError
        If `metadata` holds something other than strings, an array has another dtype, or `seed` is
        no whole number.
    ValueError
        If `metadata` cannot be encoded, the dtypes differ, or `seed` is negative.
    OSError
        If the file cannot be written; an old one is as it was.
    """
    path = os.fsdecode(path)
    _check_metadata(metadata)
    arrays = _little_endian(values)
    entries = {
        "format": FORMAT,
        "schema": SCHEMA,
        "mlpcore_version": import_module("mlpcore").__version__,
        "network": json.dumps(network_config, allow_nan=False),
    }
    if seed is not None:
        entries["seed"] = str(whole_number(seed, "seed", 0))
    entries |= {f"{_USER}{name}": value for name, value in metadata.items()}
    if training is not None:
        entries[_TRAINING] = training.text
        arrays |= {
            f"{_OF_TRAINING}{name}": np.asarray(a, a.dtype.newbyteorder("<"), order="C")
            for name, a in training.arrays.items()
        }
    header = Header(entries, table_of(arrays))
    complete = Header(entries | {"checksum": _checksum(header, arrays)}, header.table)
    _container.write(path, complete, arrays)


def read(path: StrPath) -> Saved:
    """Return the model that `write` wrote to `path`, after checking every byte of it.

    Raises
    ------
    ModelFileError
        If the file is damaged, or holds something else.
    OSError
        If it is not there or cannot be read.
    """
    path = os.fsdecode(path)
    content = _container.read(path)
    header = header_of(path, content)
    _check_origin(path, header)
    arrays = _container.arrays_of(path, header, content, free=_OF_TRAINING)
    if header.entries.get("checksum") != _checksum(header, arrays):
        refuse(path, "its checksum does not fit: it is damaged, or another program changed it")
    training = _training(header, arrays)
    with _describing(path):
        network = Network.from_config(json.loads(header.entries["network"]))
    layers = len(network.dense)
    if layers > len(arrays):  # before what takes longer: every layer needs a weight
        refuse(path, f"its network has {layers} layers, but it holds {len(arrays)} arrays")
    with _describing(path):
        program = lower(network)
    expected = {array.name: array.shape for array in (*program.parameters, *program.state)}
    dtype = _check_arrays(path, expected, arrays)
    values = {name: arrays[name].astype(dtype, copy=False) for name in expected}
    return Saved(network, dtype, values, _user_entries(header), _seed(path, header), training)


def read_metadata(path: StrPath) -> dict[str, str]:
    """Return what the user added to the model at `path`; the header is read alone, and not checked.

    Raises
    ------
    ModelFileError, OSError
        As for `read`.
    """
    path = os.fsdecode(path)
    header = read_header(path)
    _check_origin(path, header)
    return _user_entries(header)


def _check_metadata(metadata: Mapping[str, str]) -> None:
    for name, value in metadata.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"metadata must be strings by name, got {name!r}: {value!r}")
        try:
            (name + value).encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"metadata {name!r} cannot be written as UTF-8: {error}") from None


def _little_endian(
    values: Mapping[str, np.ndarray[Any, Any]],
) -> dict[str, np.ndarray[Any, Any]]:
    dtypes = {array.dtype.newbyteorder("=") for array in values.values()}
    unknown = dtypes - {np.dtype("float32"), np.dtype("float64")}
    if unknown:
        raise TypeError(f"models are float32 or float64, got an array of {unknown.pop()}")
    if len(dtypes) != 1:
        raise ValueError(f"the arrays of a model have one dtype, got {len(dtypes)}")
    return {
        name: np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        for name, array in values.items()
    }


def _checksum(header: Header, arrays: Mapping[str, np.ndarray[Any, Any]]) -> str:
    from hashlib import blake2b  # loads OpenSSL, which a process that saves nothing need not

    digest = blake2b(digest_size=16)
    entries = {name: value for name, value in header.entries.items() if name != "checksum"}
    digest.update(json.dumps([entries, header.table], sort_keys=True).encode())
    for _, array in sorted(arrays.items()):
        digest.update(bytes_of(array))
    return digest.hexdigest()


def _check_origin(path: str, header: Header) -> None:
    """Refuse what another program, or another version of this table, wrote."""
    entries = header.entries
    if entries.get("format") != FORMAT:
        names = list(header.table)
        held = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
        refuse(
            path,
            "it was not written by mlpcore, so it does not say which network it belongs to; "
            f"it holds {held or 'no arrays'}",
        )
    if entries.get("schema") != SCHEMA:
        refuse(
            path,
            f"it has schema {entries.get('schema')!r} (from mlpcore "
            f"{entries.get('mlpcore_version')}); this version reads {SCHEMA!r}",
        )


@contextmanager
def _describing(path: str) -> Iterator[None]:
    try:
        yield
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        refuse(path, f"it does not describe a network: {error}", error)


def _seed(path: str, header: Header) -> int | None:
    text = header.entries.get("seed")
    if text is None:
        return None
    try:
        if not text.isdigit():  # int() would take blanks and underscores too
            raise ValueError("it has other characters than digits")
        return int(text)
    except ValueError as error:  # also from int(), for thousands of digits
        refuse(path, f"its seed cannot be read: {error}", error)


def _training(header: Header, arrays: dict[str, np.ndarray[Any, Any]]) -> Leaves | None:
    """Take what a checkpoint holds besides the model out of `arrays`, and return it."""
    text = header.entries.get(_TRAINING)
    if text is None:
        return None
    names = [name for name in arrays if name.startswith(_OF_TRAINING)]
    found = {name.removeprefix(_OF_TRAINING): arrays.pop(name) for name in names}
    return Leaves(text, {name: a.astype(a.dtype.newbyteorder("=")) for name, a in found.items()})


def _user_entries(header: Header) -> dict[str, str]:
    return {k.removeprefix(_USER): v for k, v in header.entries.items() if k.startswith(_USER)}


def _check_arrays(
    path: str,
    expected: Mapping[str, tuple[int, ...]],
    arrays: Mapping[str, np.ndarray[Any, Any]],
) -> np.dtype[Any]:
    """Compare the arrays with what the network needs and return their common dtype."""
    for name, shape in expected.items():
        if name not in arrays:
            refuse(path, f"its network needs {name}, which is missing")
        if arrays[name].shape != shape:
            refuse(path, f"{name} has shape {arrays[name].shape}; its network needs {shape}")
    for name in arrays:
        if name not in expected:
            refuse(path, f"its network has no {name}")
    dtypes = {array.dtype for array in arrays.values()}
    if len(dtypes) != 1:
        refuse(path, "it holds float32 and float64 arrays; a model has one dtype")
    dtype: np.dtype[Any] = dtypes.pop().newbyteorder("=")
    return dtype
