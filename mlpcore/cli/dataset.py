"""The data of ``train`` and ``predict``, from a CSV or an NPZ file."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlpcore.cli.errors import UsageError
from mlpcore.cli.meaning import Meaning
from mlpcore.io.npz import read_npz
from mlpcore.io.table import Table, is_missing, number, read_csv, shortened

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Dataset:
    """Rows to learn from.

    Attributes
    ----------
    path : str
        Where they came from, for messages.
    x : ndarray, shape (rows, features)
        Finite numbers within the range of the model's dtype.
    t : ndarray, shape (rows,) or (rows, outputs)
        Finite numbers, or strings; none is missing.
    features : tuple of str or None
        The names of the features, if the file has any.
    target : str or None
        The name of the target, if it has one.
    """

    path: str
    x: Array
    t: Array
    features: tuple[str, ...] | None
    target: str | None


def load(
    path: str,
    target: str | None,
    dtype: DTypeLike,
    *,
    x: str = "x",
    ignore: Sequence[str] = (),
    header: bool | None = None,
) -> Dataset:
    """Read inputs and target.

    Parameters
    ----------
    path : str
        An NPZ file if it ends in ``.npz``, else CSV.
    target : str or None
        The column or array of the target; ``"t"`` by default in an NPZ file.
    dtype : dtype
        Whose range the inputs must fit.
    x : str
        The array of the inputs in an NPZ file.
    ignore : sequence of str
        Columns that are neither.
    header : bool, optional
        As for `mlpcore.io.table.read_csv`.

    Raises
    ------
    UsageError
        If no target is named, or nothing but it is left.
    ValueError
        If the file does not hold what was asked for; the message says where.
    OSError
        If it cannot be read.
    """
    if _is_npz(path):
        if ignore:
            raise UsageError("--ignore is for the columns of a CSV file")
        inputs, targets = read_npz(path, [x, target or "t"])
        _check_inputs(path, inputs, x)
        _check_targets(path, targets, target or "t", len(inputs))
        _check_range(path, inputs, dtype)
        _check_range(path, targets, dtype)
        return Dataset(path, inputs, targets, None, target or "t")
    table = read_csv(path, header=header)
    if target is None:
        raise UsageError(f"name the target with --target: {path} has {shortened(table.names)}")
    chosen = table.column(target)
    left_out = {chosen, *(table.column(name) for name in ignore)}
    columns = [i for i in range(len(table.names)) if i not in left_out]
    if not columns:
        raise UsageError(f"{path} has no column besides the target and those to ignore")
    features = tuple(table.names[i] for i in columns)
    inputs = _numbers(table, columns)
    targets = _target_column(table, chosen)
    _check_range(path, inputs, dtype, features)
    _check_range(path, targets, dtype, [table.names[chosen]])
    named = features if table.has_header else None
    return Dataset(path, inputs, targets, named, table.names[chosen])


def load_inputs(
    path: str,
    meaning: Meaning,
    count: int,
    dtype: DTypeLike,
    *,
    x: str = "x",
    header: bool | None = None,
) -> Array:
    """Read the inputs of a model.

    Where file and model name their features, these are found by name in any order, and other
    columns do not matter.  Otherwise the columns are taken as they are, without the target if it is
    there.

    Parameters
    ----------
    path, x, dtype, header
        As for `load`.
    meaning : Meaning
        What the model's inputs are called.
    count : int
        How many there are.

    Returns
    -------
    ndarray, shape (rows, count)

    Raises
    ------
    ValueError
        If a feature is missing or there are too many or too few; the message says where.
    OSError
        If the file cannot be read.
    """
    if _is_npz(path):
        (inputs,) = read_npz(path, [x])
        _check_inputs(path, inputs, x)
        if inputs.shape[1] != count:
            raise ValueError(
                f"{path}: array {x!r} has {inputs.shape[1]} columns; the model takes {count}"
            )
        _check_range(path, inputs, dtype, meaning.features)
        return inputs
    table = read_csv(path, header=header)
    columns = _feature_columns(table, meaning, count)
    inputs = _numbers(table, columns)
    _check_range(path, inputs, dtype, [table.names[i] for i in columns])
    return inputs


def _is_npz(path: str) -> bool:
    return path.lower().endswith(".npz")


def _numbers(table: Table, columns: Sequence[int]) -> NDArray[np.float64]:
    try:
        return table.numbers(columns)
    except ValueError as error:
        if "is not a number" in str(error):
            raise ValueError(
                f"{error}; leave the column out (--ignore), or write numbers for words"
            ) from None
        raise


def _feature_columns(table: Table, meaning: Meaning, count: int) -> list[int]:
    if meaning.features is not None and table.has_header:
        missing = [name for name in meaning.features if name not in table.names]
        if missing:
            raise ValueError(
                f"{table.path}: no column {shortened(missing)}, which the model needs; "
                f"there are {shortened(table.names)}"
            )
        return [table.names.index(name) for name in meaning.features]
    columns = list(range(len(table.names)))
    if len(columns) == count + 1 and meaning.target in table.names:
        columns.remove(table.names.index(meaning.target))
    if len(columns) != count:
        raise ValueError(f"{table.path}: there are {len(columns)} columns; the model takes {count}")
    return columns


def _target_column(table: Table, column: int) -> Array:
    cells = table.texts(column)
    try:
        return np.array([number(cell) for cell in cells])
    except ValueError:
        return np.array(cells)


def _check_inputs(path: str, inputs: Array, name: str) -> None:
    if inputs.ndim != 2 or 0 in inputs.shape:
        raise ValueError(
            f"{path}: array {name!r} must have the shape (rows, features), got {inputs.shape}"
        )
    if inputs.dtype.kind not in "fiub":
        raise ValueError(f"{path}: array {name!r} must hold real numbers, got {inputs.dtype}")


def _check_targets(path: str, targets: Array, name: str, rows: int) -> None:
    if targets.ndim not in (1, 2) or len(targets) != rows or 0 in targets.shape:
        raise ValueError(
            f"{path}: array {name!r} must have the shape ({rows},) or ({rows}, outputs), "
            f"one for each input; got {targets.shape}"
        )
    bad: Array
    if targets.dtype.kind in "US" and targets.ndim == 1:
        bad = np.array([is_missing(str(cell)) for cell in targets])
    elif targets.dtype.kind in "fiub":
        bad = np.asarray(np.isnan(targets.reshape(rows, -1)).any(axis=1))
    else:
        raise ValueError(
            f"{path}: array {name!r} must hold real numbers or a string a row, got {targets.dtype}"
        )
    if bad.any():
        raise ValueError(
            f"{path}: row {int(bad.argmax()) + 1} of array {name!r}: the value is missing"
        )


def _check_range(
    path: str, values: Array, dtype: DTypeLike, columns: Sequence[str] | None = None
) -> None:
    """Refuse the first number that is none, or would be none in the model's dtype."""
    if values.dtype.kind != "f":
        return
    table = values.reshape(len(values), -1)
    bad = ~(np.abs(table) <= np.finfo(dtype).max)
    if not bad.any():
        return
    row, column = (int(place) for place in np.unravel_index(int(bad.argmax()), table.shape))
    value = table[row, column]
    name = column if columns is None else columns[column]
    what = f"{value:g} is too large for {dtype}" if np.isfinite(value) else f"the value is {value}"
    raise ValueError(f"{path}: row {row + 1}, column {name!r}: {what}")
