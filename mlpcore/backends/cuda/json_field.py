"""The values of a JSON file, each with its place, for errors that name the field."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MOST = 2**31 - 1
_LONGEST = 60


class TableError(ValueError):
    """A file that is no table; the message names the file and the line or the field."""


@dataclass(frozen=True)
class Field:
    """A value in a file.

    Attributes
    ----------
    path : Path
        The file.
    place : str
        Where the value stands in it, such as ``devices[0].name``; empty for all of it.
    value : object
        The value.
    """

    path: Path
    place: str
    value: Any

    def require(self, true: bool, expected: str, got: Any = None) -> None:
        """Raise `TableError` unless something is true: what was expected, and what is there."""
        if not true:
            where = f"{self.path}, {self.place}" if self.place else str(self.path)
            text = repr(self.value) if got is None else str(got)
            text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
            raise TableError(f"{where}: expected {expected}, got {text}")

    def member(self, name: str) -> "Field":
        """Return a member of an object."""
        self.require(isinstance(self.value, dict), f"an object with {name!r}")
        place = f"{self.place}.{name}" if self.place else name
        self.require(name in self.value, f"a field {name!r}", "none")
        return Field(self.path, place, self.value[name])

    def elements(self) -> "list[Field]":
        """Return the elements of a list."""
        self.require(isinstance(self.value, list), "a list")
        return [Field(self.path, f"{self.place}[{i}]", v) for i, v in enumerate(self.value)]

    def text(self, name: str) -> str:
        """Return a member that is a text and not empty."""
        field = self.member(name)
        field.require(isinstance(field.value, str) and field.value != "", "a text")
        return str(field.value)

    def one_of(self, name: str, known: Iterable[str]) -> str:
        """Return a member that is one of the texts `known`."""
        field, names = self.member(name), [str(each) for each in known]
        field.require(field.value in names, f"one of {', '.join(names)}")
        return str(field.value)

    def whole_number(self, name: str) -> int:
        """Return a member that is a whole number from 1 up, of 31 bits."""
        field = self.member(name)
        fits = type(field.value) is int and 1 <= field.value <= _MOST
        field.require(fits, "a whole number from 1 up")
        return int(field.value)
