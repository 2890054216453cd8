"""The settings of losses as plain, hashable values, and the arrays that they stand for.

Weights are a tuple of numbers, one for each class or feature; those of a mapping are a tuple of
pairs (class, weight), in ascending order.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

import numpy as np

from mlpcore.checks import not_negative, positive, real_number, whole_number
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
    return _PLAIN[setting](value, f"{setting} of loss {loss!r}")


def as_arrays(xp: Namespace, settings: Mapping[str, Any], like: Array) -> dict[str, Any]:
    """Return the settings with weights as arrays of `xp`.

    Those of features get the dtype of `like`, since they multiply the loss; those of classes get
    float64, since a mean takes their ratios.  Arrays of the namespace do not visit the host.

    Raises
    ------
    ValueError
        If a weight on the host is too large for the dtype of `like`.
    """
    result = dict(settings)
    for name, dtype in (("class_weight", xp.float64), ("pos_weight", like.dtype)):
        weight = result.get(name)
        if isinstance(weight, tuple | float):
            weight = _dense(weight, like.shape[-1]) if _is_by_class(weight) else np.asarray(weight)
            if weight.max(initial=0) > xp.finfo(like.dtype).max:
                raise ValueError(f"{name} {weight.max()} is not finite in {like.dtype}")
        if weight is not None:
            result[name] = xp.asarray(weight, dtype=dtype)
    return result


def check_widths(settings: Mapping[str, Any], z_shape: tuple[int, ...]) -> None:
    """Raise ValueError if class or feature weights do not fit a z of shape `z_shape`."""
    weight = settings.get("class_weight")
    if _is_by_class(weight):
        last = weight[-1][0]
        if last >= z_shape[-1]:
            raise ValueError(
                f"class_weight names class {last}, but the classes are 0 to {z_shape[-1] - 1}"
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


def _label_smoothing(value: Any, name: str) -> float:
    number = real_number(value, name)
    if not 0 <= number <= 1:
        raise ValueError(f"{name} must be in [0, 1], got {value!r}")
    return number


def _ignore_index(value: Any, name: str) -> int | None:
    return None if value is None else whole_number(value, name, np.iinfo(np.int64).min)


def _pos_weight(value: Any, name: str) -> float | tuple[float, ...]:
    several = isinstance(value, list | tuple) or getattr(value, "ndim", 0) > 0
    return _weights(value, name) if several else not_negative(value, name)


def _class_weight(value: Any, name: str) -> tuple[Any, ...] | None:
    if value is None:
        return None
    if isinstance(value, Mapping):
        return _by_class(value.items(), name) or None
    if not isinstance(value, list | tuple) and not hasattr(value, "tolist"):
        raise TypeError(
            f"{name} must be one weight for each class, or a mapping from class to weight, "
            f"got {value!r}"
        )
    if isinstance(value, list | tuple) and value and isinstance(value[0], list | tuple):
        return _by_class(value, name)  # the plain form of a mapping
    return _weights(value, name)


def _by_class(pairs: Any, name: str) -> tuple[tuple[int, float], ...]:
    """Return pairs of class and weight in ascending order, none twice."""
    weights: dict[int, float] = {}
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise TypeError(f"{name} must hold pairs of a class and its weight, got {pair!r}")
        number = whole_number(pair[0], f"a class in {name}", 0)
        if number in weights:
            raise ValueError(f"{name} names class {number} twice")
        weights[number] = not_negative(pair[1], name)
    return tuple(sorted(weights.items()))


def _weights(value: Any, name: str) -> tuple[float, ...]:
    """Return a sequence or 1-D array of any library as a tuple of weights."""
    if getattr(value, "ndim", 1) != 1:
        raise ValueError(f"{name} must have one axis, got an array of shape {tuple(value.shape)}")
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiu" and _are_weights(value):
        return tuple(map(float, value.tolist()))  # looked at in one go: there may be many classes
    listed = value.tolist() if hasattr(value, "tolist") else value
    return tuple(not_negative(weight, name) for weight in listed)


def _are_weights(x: Any) -> bool:
    return bool(((x >= 0) & np.isfinite(x)).all())


def _shape(weight: Any) -> tuple[int, ...]:
    """Return the shape of a number, a tuple of numbers or an array."""
    return (len(weight),) if isinstance(weight, tuple) else getattr(weight, "shape", ())


def _is_by_class(weight: Any) -> TypeGuard[tuple[tuple[int, float], ...]]:
    """Whether plain weights are those of a mapping."""
    return isinstance(weight, tuple) and bool(weight) and isinstance(weight[0], tuple)


def _dense(pairs: Any, classes: int) -> Any:
    """Return the weights of all classes; those that a mapping leaves out have 1."""
    weight = np.ones(classes)
    index, given = zip(*pairs, strict=True)
    weight[list(index)] = given
    return weight


_PLAIN: Mapping[str, Callable[[Any, str], Any]] = {
    "label_smoothing": _label_smoothing,
    "class_weight": _class_weight,
    "ignore_index": _ignore_index,
    "pos_weight": _pos_weight,
    "delta": positive,
}
