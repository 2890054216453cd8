"""The settings of losses as plain, hashable values, and the arrays that they stand for."""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeGuard

from mlpcore.kernels.reference.typing import Array, Namespace


def plain(loss: str, setting: str, value: Any) -> Any:
    """Return `value` as numbers and tuples of numbers that a file can hold.

    Raises
    ------
    ValueError
        If the value is out of the setting's range.
    TypeError
        If it is no number, array or mapping, as the setting requires.
    """
    try:
        return _PLAIN[setting](value)
    except ValueError as error:
        raise ValueError(f"{setting}={value!r} of loss {loss!r}: {error}") from None
    except TypeError as error:
        raise TypeError(f"{setting}={value!r} of loss {loss!r}: {error}") from None


def as_arrays(xp: Namespace, settings: Mapping[str, Any], like: Array) -> dict[str, Any]:
    """Return the settings with weights as arrays of `xp`, in the dtype of `like`.

    Arrays of the namespace are taken as they are, so that those on a GPU do not visit the host.
    """
    classes, result = like.shape[-1:], dict(settings)
    weight = result.get("class_weight")
    if _is_pairs(weight):
        given = dict(weight)
        result["class_weight"] = [given.get(c, 1.0) for c in range(*classes)]
    for name in ("class_weight", "pos_weight"):
        if result.get(name) is not None:
            result[name] = xp.asarray(result[name], dtype=like.dtype)
    return result


def check_widths(settings: Mapping[str, Any], z_shape: tuple[int, ...]) -> None:
    """Raise ValueError if class or feature weights do not fit a z of shape `z_shape`."""
    weight = settings.get("class_weight")
    if _is_pairs(weight):
        beyond = [c for c, _ in weight if c >= z_shape[-1]]
        if beyond:
            raise ValueError(
                f"class_weight names class {beyond[0]}, but the classes are 0 to {z_shape[-1] - 1}"
            )
    elif weight is not None and _shape(weight) != z_shape[-1:]:
        raise ValueError(
            f"class_weight has shape {_shape(weight)}, expected {z_shape[-1:]}: one for each class"
        )
    weight = settings.get("pos_weight", 1.0)
    if _shape(weight) not in ((), z_shape[-1:]):
        raise ValueError(
            f"pos_weight has shape {_shape(weight)}, expected one number or, one for each feature, "
            f"{z_shape[-1:]}"
        )


def _label_smoothing(value: Any) -> float:
    number = float(value)
    if not 0 <= number <= 1:
        raise ValueError("expected a number in [0, 1]")
    return number


def _delta(value: Any) -> float:
    number = float(value)
    if not 0 < number < math.inf:
        raise ValueError("expected a number greater than 0")
    return number


def _ignore_index(value: Any) -> int | None:
    return None if value is None else operator.index(value)


def _weight(value: Any) -> float:
    number = float(value)
    if not 0 <= number < math.inf:
        raise ValueError("expected weights that are finite and not negative")
    return number


def _pos_weight(value: Any) -> float | tuple[float, ...]:
    value = _listed(value)
    return tuple(map(_weight, value)) if isinstance(value, tuple | list) else _weight(value)


def _class_weight(value: Any) -> tuple[Any, ...] | None:
    if value is None:
        return None
    value = tuple(value.items()) if isinstance(value, Mapping) else _listed(value)
    if not isinstance(value, tuple | list):
        raise TypeError("expected one weight for each class, or a mapping from class to weight")
    if not _is_pairs(value):
        return tuple(map(_weight, value))
    pairs = tuple(sorted((operator.index(c), _weight(w)) for c, w in value))
    if pairs[0][0] < 0:
        raise ValueError("expected classes that are not negative")
    return pairs


def _listed(value: Any) -> Any:
    """Return an array of any library as a list (or number); leave everything else as it is."""
    return value.tolist() if hasattr(value, "tolist") else value


def _shape(weight: Any) -> tuple[int, ...]:
    """Return the shape of a number, a tuple of numbers or an array."""
    return (len(weight),) if isinstance(weight, tuple) else getattr(weight, "shape", ())


def _is_pairs(value: Any) -> TypeGuard[Sequence[tuple[int, float]]]:
    """Whether class weights are pairs of class and weight, as a mapping becomes."""
    return (
        isinstance(value, tuple | list)
        and len(value) > 0
        and all(isinstance(x, tuple | list) and len(x) == 2 for x in value)
    )


_PLAIN: Mapping[str, Callable[[Any], Any]] = {
    "label_smoothing": _label_smoothing,
    "class_weight": _class_weight,
    "ignore_index": _ignore_index,
    "pos_weight": _pos_weight,
    "delta": _delta,
}
