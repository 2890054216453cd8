"""The file of what was measured on a user's own GPUs: where it is, reading it and writing it.

It is JSON::

    {"schema": "mlpcore.cuda-table/1",
     "devices": [{"name": "NVIDIA H100 80GB HBM3", "compute_capability": "9.0", "measured": {...},
                  "choices": [{"dtype": "float32", "inputs": 64, "outputs": 256,
                               "forward": "tiled", "input_gradient": "cublaslt",
                               "weight_gradient": "cublaslt", "microseconds": {...}}]}]}

What was measured how stands there for people; only the choices are read.
"""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mlpcore.backends.cache_folder import cache_folder
from mlpcore.backends.cuda.choices import Choice, Choices, Product
from mlpcore.backends.cuda.gpu_model import GPUModel
from mlpcore.backends.cuda.json_field import Field, TableError
from mlpcore.backends.cuda.table import DEFAULT, Entry, Table

VARIABLE = "MLPCORE_CUDA_TABLE"
"""The environment variable that names the file, or is `OFF`."""

OFF = "off"
SCHEMA = "mlpcore.cuda-table/1"

_NAME = "cuda-table.json"
_DTYPES = ("float32", "float64")


def default_path() -> Path | None:
    """Return where `mlpcore tune` writes unless told otherwise, None if there is no home folder."""
    named = os.environ.get(VARIABLE)
    if named and named != OFF:
        return Path(named)
    folder = cache_folder()
    return None if folder is None else folder / _NAME


def is_read(path: Path) -> bool:
    """Return whether models made in this environment look into a file."""
    return path == default_path() and os.environ.get(VARIABLE) != OFF


class InUse(NamedTuple):
    """What tells the GPUs of this machine their kernels.

    Attributes
    ----------
    path : Path or None
        The file; None where the table that is built in does.
    reason : str or None
        Why that does.
    entries : dict of GPUModel to tuple of Entry
        What the file knows.
    """

    path: Path | None
    reason: str | None
    entries: Mapping[GPUModel, tuple[Entry, ...]]


def in_use() -> InUse:
    """Return the file that models made in this environment go by, or why they go by none.

    It is the one that ``MLPCORE_CUDA_TABLE`` names; else, unless that is ``off``,
    ``cuda-table.json`` in the cache folder, if it can be read.

    Raises
    ------
    TableError
        If the file is no table, or if the one that the variable names cannot be read.
    """
    named = os.environ.get(VARIABLE)
    path = default_path()
    if named == OFF:
        return InUse(None, f"{VARIABLE}={OFF}", {})
    if path is None:
        return InUse(None, "there is no home folder", {})
    try:
        return InUse(path, None, read(path))
    except OSError as error:
        if named:
            raise TableError(f"{VARIABLE}={named}: {error.strerror}") from None
        missing = isinstance(error, FileNotFoundError)
        reason = f"mlpcore tune would write {path}" if missing else f"{path}: {error.strerror}"
        return InUse(None, reason, {})


def table_for(model: GPUModel) -> Table:
    """Return the table of a GPU: the user's, or the default rule where that does not know it.

    Raises
    ------
    TableError
        As from `in_use`.
    """
    entries = in_use().entries.get(model)
    return DEFAULT if entries is None else Table(entries)


def read(path: Path) -> dict[GPUModel, tuple[Entry, ...]]:
    """Return the entries of every GPU that a file knows.

    Raises
    ------
    OSError
        If it cannot be read.
    TableError
        If it is no table.
    """
    return {model: entries for model, (entries, _) in _devices(path).items()}


def updated(
    path: Path, model: GPUModel, measured: Mapping[str, Any], choices: Iterable[Mapping[str, Any]]
) -> str:
    """Return a file's content with a GPU put into it, in place of what it said of that GPU.

    Parameters
    ----------
    path : Path
        The file, which may be missing; the other GPUs in it stay.
    model : GPUModel
        The GPU.
    measured : mapping
        How it was measured: date, versions, settings.
    choices : iterable of mapping
        What `row` returns, and whatever people may want to know besides.

    Raises
    ------
    OSError
        If there is a file that cannot be read.
    TableError
        If there is a file that is no table.
    """
    try:
        devices = [known for other, (_, known) in _devices(path).items() if other != model]
    except FileNotFoundError:
        devices = []
    devices.append(
        {
            "name": model.name,
            "compute_capability": model.compute_capability,
            "measured": dict(measured),
            "choices": [dict(choice) for choice in choices],
        }
    )
    content = {"schema": SCHEMA, "devices": devices}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def row(entry: Entry) -> dict[str, Any]:
    """Return an entry as the file holds it."""
    return {
        "dtype": entry.dtype,
        "inputs": entry.inputs,
        "outputs": entry.outputs,
        **{product.value: entry.choices.of(product).value for product in Product},
    }


def _devices(path: Path) -> dict[GPUModel, tuple[tuple[Entry, ...], dict[str, Any]]]:
    """Return the GPUs of a file with their entries, and as they stand there."""
    try:
        content = json.loads(path.read_bytes().decode("utf-8"))
    except UnicodeDecodeError as error:
        raise TableError(f"{path}: byte {error.start} is no UTF-8") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise TableError(f"{path}, {where}: not JSON: {error.msg}") from None
    except (RecursionError, ValueError):  # numbers of thousands of digits
        raise TableError(f"{path}: not the JSON of a table") from None
    whole = Field(path, "", content)
    schema = whole.member("schema")
    schema.require(schema.value == SCHEMA, f"{SCHEMA!r}, which this version of mlpcore writes")
    found: dict[GPUModel, tuple[tuple[Entry, ...], dict[str, Any]]] = {}
    for device in whole.member("devices").elements():
        model = GPUModel(device.text("name"), device.text("compute_capability"))
        device.require(model not in found, "every GPU once", model.name)
        found[model] = _entries(device), device.value
    return found


def _entries(device: Field) -> tuple[Entry, ...]:
    entries: dict[tuple[str, int, int], Entry] = {}
    for choice in device.member("choices").elements():
        dtype = choice.one_of("dtype", _DTYPES)
        shape = dtype, choice.whole_number("inputs"), choice.whole_number("outputs")
        by_product = {
            product.value: Choice(choice.one_of(product.value, product.possible))
            for product in Product
        }
        choice.require(shape not in entries, "every layer once", "{} of {} -> {}".format(*shape))
        entries[shape] = Entry(*shape, Choices(**by_product))
    return tuple(entries.values())
