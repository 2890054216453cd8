"""Values within values, arrays among them, as JSON text beside named arrays.

JSON has no arrays of numbers with a dtype, no tuples, no NaN and no infinities.  An object with one
key that begins with ``$`` stands for each of them:

==============================  ==============================================================
``{"$array": name}``            an array
``{"$scalar": name}``           a NumPy scalar, kept as an array of shape ()
``{"$tuple": [...]}``           a tuple
``{"$float": "nan"}``           NaN, ``inf`` or ``-inf``
==============================  ==============================================================

Everything comes back as it was, to the bit and the dtype, but for subclasses and for the payload of
a NaN outside of arrays.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlpcore.io._container import can_hold


@dataclass(frozen=True)
class Leaves:
    """What a tree of values becomes.

    Attributes
    ----------
    text : str
        The tree as JSON, with names in place of arrays.
    arrays : mapping of str to ndarray
        The arrays by name: booleans, integers, float32 or float64.
    """

    text: str
    arrays: Mapping[str, np.ndarray[Any, Any]]


def taken_apart(value: Any) -> Leaves:
    """Return `value` as text and arrays.

    Parameters
    ----------
    value : object
        None, a boolean, number, string or array, or mappings of strings, lists and tuples of such.
        Arrays are not copied.

    Raises
    ------
    TypeError
        If something else is in it; the message says where.
    """
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    text = json.dumps(_encoded(value, (), arrays), allow_nan=False)
    return Leaves(text, arrays)


def put_together(leaves: Leaves) -> Any:
    """Return what `taken_apart` took apart.

    Raises
    ------
    ValueError, KeyError, TypeError, RecursionError
        If it was not made by it.
    """
    return _decoded(json.loads(leaves.text), leaves.arrays)


def _encoded(value: Any, place: tuple[str, ...], arrays: dict[str, np.ndarray[Any, Any]]) -> Any:
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"$float": str(value)}
    if isinstance(value, np.ndarray | np.generic):
        key = "$array" if isinstance(value, np.ndarray) else "$scalar"
        return {key: _named(np.asarray(value), place, arrays)}
    if isinstance(value, Mapping):
        return {_key(k, place): _encoded(v, (*place, k), arrays) for k, v in value.items()}
    if isinstance(value, list | tuple):
        items = [_encoded(v, (*place, str(i)), arrays) for i, v in enumerate(value)]
        return {"$tuple": items} if isinstance(value, tuple) else items
    raise TypeError(
        f"{'.'.join(place) or 'the value'} is of type {type(value).__name__}, which a file without "
        "pickles does not hold: give numbers, strings, None, NumPy arrays, or mappings, lists and "
        "tuples of them"
    )


def _key(key: Any, place: tuple[str, ...]) -> str:
    if not isinstance(key, str) or key.startswith("$"):
        raise TypeError(
            f"{'.'.join(place) or 'the value'} has the key {key!r}; keys are strings that do not "
            "begin with '$'"
        )
    return key


def _named(
    array: np.ndarray[Any, Any], place: tuple[str, ...], arrays: dict[str, np.ndarray[Any, Any]]
) -> str:
    """Put an array among `arrays` under a name that tells where it was, and return that."""
    own = ".".join(place)
    if not can_hold(array.dtype):
        raise TypeError(f"{own or 'the value'} holds {array.dtype}, which the file cannot hold")
    name, number = own, 1
    while name in arrays:  # {"a.b": ...} and {"a": {"b": ...}}
        number += 1
        name = f"{own}#{number}"
    arrays[name] = array
    return name


def _decoded(value: Any, arrays: Mapping[str, np.ndarray[Any, Any]]) -> Any:
    if isinstance(value, list):
        return [_decoded(v, arrays) for v in value]
    if not isinstance(value, dict):
        return value
    key: str = next(iter(value), "")
    if not key.startswith("$"):
        return {k: _decoded(v, arrays) for k, v in value.items()}
    content: Any = value[key]
    if key == "$array":
        return arrays[content]
    if key == "$scalar":
        return arrays[content][()]
    if key == "$tuple":
        return tuple(_decoded(v, arrays) for v in content)
    if key == "$float":
        return float(content)
    raise ValueError(f"unknown sort of value {key!r}")
