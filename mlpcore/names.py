"""The error for a name that is not in a table."""

from collections.abc import Iterable
from difflib import get_close_matches


def unknown(what: str, name: object, known: Iterable[str]) -> ValueError:
    """Return the error that says which names are `known`, and which of them was probably meant.

    Parameters
    ----------
    what : str
        What the table holds, in the singular.
    name : object
        What was asked for.
    known : iterable of str
        The names in the table.
    """
    names = list(known)
    close = get_close_matches(str(name).lower(), names, 1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return ValueError(f"unknown {what} {name!r}; known are {', '.join(names)}{hint}")
