"""Tables in CSV files: cells of text with a name for each column, turned into numbers on request.

Every refusal says which row and which column; rows are counted from 1 below the header.
"""

import csv
import io
import math
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlpcore.io.atomic import StrPath

__all__ = ["Table", "is_missing", "read_csv"]

_MISSING = frozenset({"", "na", "n/a", "nan", "null"})
_DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Table:
    """The cells of a file.

    Attributes
    ----------
    path : str
        Where it came from, for messages.
    names : tuple of str
        The columns' names; their numbers from 0 up if the file has no header.
    has_header : bool
        Whether the names are the file's own.
    rows : list of list of str
        The cells; every row has one for each column.
    lines : list of int
        The line of the file that each row ends on.
    """

    path: str
    names: tuple[str, ...]
    has_header: bool
    rows: list[list[str]]
    lines: list[int]

    def column(self, name: str) -> int:
        """Return the place of a column, given its name or else its number; -1 is the last.

        Raises
        ------
        ValueError
            If there is no such column; the message lists the names.
        """
        if name in self.names:
            return self.names.index(name)
        try:
            place = int(name)
        except ValueError:
            place = len(self.names)
        if not -len(self.names) <= place < len(self.names):
            raise ValueError(f"{self.path}: no column {name!r}; there are {shortened(self.names)}")
        return place % len(self.names)

    def texts(self, column: int) -> list[str]:
        """Return the cells of a column without surrounding blanks.

        Raises
        ------
        ValueError
            If one of them is missing.
        """
        cells = [row[column].strip() for row in self.rows]
        for i, cell in enumerate(cells):
            if is_missing(cell):
                raise ValueError(f"{self._place(i, column)}: the value is missing")
        return cells

    def numbers(self, columns: Sequence[int]) -> NDArray[np.float64]:
        """Return the cells of some columns as numbers, shape (rows, columns).

        Raises
        ------
        ValueError
            If a cell is missing, no number, or not finite.
        """
        result = np.empty((len(self.rows), len(columns)))
        for j, column in enumerate(columns):
            for i, row in enumerate(self.rows):
                try:
                    result[i, j] = number(row[column])
                except ValueError as error:
                    raise ValueError(f"{self._place(i, column)}: {error}") from None
        return result

    def _place(self, row: int, column: int) -> str:
        return f"{self.path}: row {row + 1} (line {self.lines[row]}), column {self.names[column]!r}"


def read_csv(path: StrPath, *, header: bool | None = None) -> Table:
    """Read a table of text from a CSV file in UTF-8.

    Cells are separated by commas, semicolons or tabs: by what is most frequent in the first line.
    Blank lines are left out.

    Parameters
    ----------
    path : path
        The file.
    header : bool, optional
        Whether the first line names the columns.  By default it does if all of it is text, or some
        of it is text above a number, and does not if none of it is text.

    Returns
    -------
    Table
        At least one row.

    Raises
    ------
    ValueError
        If the file is no text in UTF-8, has no rows, rows of different lengths, columns without a
        name or with the same one, or a first line that may or may not be a header.
    OSError
        If it cannot be read.
    """
    path = os.fsdecode(path)
    text = _text(path)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    rows, lines = [], []
    try:
        for row in reader:
            if any(cell.strip() for cell in row) or len(row) > 1:
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise ValueError(f"{path}: line {reader.line_num}: {error}") from None
    if not rows:
        raise ValueError(f"{path}: the file is empty")
    if header is None:
        header = _has_header(path, rows)
    names = tuple(name.strip() for name in rows[0]) if header else _numbered(rows[0])
    if header:
        _check_names(path, names)
        del rows[0], lines[0]
        if not rows:
            raise ValueError(f"{path}: there are no rows below the header")
    for i, row in enumerate(rows):
        if len(row) != len(names):
            whom = "the header" if header else "row 1"
            raise ValueError(
                f"{path}: row {i + 1} (line {lines[i]}) has {_count(row)}, {whom} has {len(names)}"
            )
    return Table(path, names, header, rows, lines)


def is_missing(cell: str) -> bool:
    """Return whether a cell stands for a value that is not there: empty, NA, N/A, NaN or null."""
    return cell.strip().lower() in _MISSING


def number(cell: str) -> float:
    """Return the finite number that a cell holds.

    Raises
    ------
    ValueError
        If it holds none; the message says what it holds and not where it is.
    """
    if is_missing(cell):
        raise ValueError("the value is missing")
    try:
        value = float(cell.replace("_", "?"))  # float("1_0") is 10
    except ValueError:
        raise ValueError(f"{_quoted(cell)} is not a number") from None
    if not math.isfinite(value):
        raise ValueError(f"{_quoted(cell)} is not finite")
    return value


def shortened(names: Sequence[str], most: int = 12) -> str:
    """Return a list of names for a message, of which only so many are spelled out."""
    shown = ", ".join(map(repr, names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _text(path: str) -> str:
    content = Path(path).read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{path}: line {line} is not text in UTF-8") from None


def _delimiter(text: str) -> str:
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max(_DELIMITERS, key=first.count)


def _has_header(path: str, rows: Sequence[Sequence[str]]) -> bool:
    text = [_is_text(cell) for cell in rows[0]]
    if all(text) or not any(text):
        return all(text)
    below = rows[1] if len(rows) > 1 else ()
    if any(name and not _is_text(cell) for name, cell in zip(text, below, strict=False)):
        return True
    raise ValueError(
        f"{path}: the first line may be a header or data: "
        "say so with header=True or header=False (--header or --no-header)"
    )


def _is_text(cell: str) -> bool:
    """Return whether a cell is neither a number, finite or not, nor missing."""
    try:
        float(cell)
    except ValueError:
        return not is_missing(cell)
    return False


def _numbered(row: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(i) for i in range(len(row)))


def _check_names(path: str, names: Sequence[str]) -> None:
    for name, count in Counter(names).items():
        if not name:
            raise ValueError(f"{path}: column {names.index('') + 1} has no name in the header")
        if count > 1:
            raise ValueError(f"{path}: {count} columns are called {name!r}")


def _count(row: Sequence[str]) -> str:
    return "1 cell" if len(row) == 1 else f"{len(row)} cells"


def _quoted(cell: str) -> str:
    return repr(cell if len(cell) <= 40 else f"{cell[:37]}...")
