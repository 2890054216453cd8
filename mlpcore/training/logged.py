"""What callbacks add to the values of an epoch: numbers, of which curves can be made."""

from numbers import Real
from typing import Any


def require_numbers(logs: dict[str, Any], author: str) -> None:
    """Make plain Python numbers of values that are numbers, or 0-d arrays of them, in place.

    Parameters
    ----------
    logs : dict
        The values by name.
    author : str
        Who has had the last chance to add some.

    Raises
    ------
    TypeError
        If a value is no real number, or a name no string.
    """
    for name, value in logs.items():
        if not isinstance(name, str):
            raise TypeError(f"{author} put a value under {name!r} into run.logs: a name is a str")
        if type(value) is not float:
            logs[name] = _number(value, f"{author} put {value!r} into run.logs[{name!r}]")


def _number(value: Any, what: str) -> float:
    plain = value.item() if getattr(value, "shape", None) == () else value
    if isinstance(plain, int):
        return plain
    if not isinstance(plain, Real):
        raise TypeError(
            f"{what}, but an epoch has numbers only, of which curves are drawn and files are "
            "written; keep other things in an attribute of the callback"
        )
    return float(plain)
