"""Whether targets and sample weights fit a loss: each refusal says what came, where, and what fits.

Shapes are always checked.  Values are looked at on the host only: to look at those on a GPU would
make the host wait for it in every step.
"""

from typing import Any, NoReturn

import numpy as np

from mlpcore.kernels.reference.losses import LossFunction

_SUM_TOLERANCE = 1e-3  # distributions rounded to half precision pass, counts and logits do not


def takes_labels(
    function: LossFunction, z_shape: tuple[int, ...], t_shape: tuple[int, ...]
) -> bool:
    """Whether targets of shape `t_shape` are class labels rather than a number for each element."""
    return function.expects == "classes" and not (function.soft_labels and t_shape == z_shape)


def check_shapes(
    name: str,
    function: LossFunction,
    z_shape: tuple[int, ...],
    t_shape: tuple[int, ...],
    weight_shape: tuple[int, ...] | None,
) -> None:
    """Raise ValueError unless targets and weights have shapes that the loss takes."""
    rows = z_shape[:-1]
    if function.expects == "classes":
        if not z_shape or z_shape[-1] == 0:
            raise ValueError(f"{name} needs one class or more, got logits of shape {z_shape}")
        shapes = {"class labels": rows}
        if function.soft_labels:
            shapes["probabilities"] = z_shape
    else:
        shapes = {function.expects: z_shape}
        if z_shape and z_shape[-1] == 1:
            shapes["single column"] = rows
    if t_shape not in shapes.values():
        _refuse(f"{name} targets of shape {t_shape} for logits of shape {z_shape}", shapes)
    if weight_shape is not None:
        shapes = {"weights of rows": rows}
        if not function.per_row:
            shapes["weights of elements"] = z_shape
        if weight_shape not in shapes.values():
            _refuse(f"sample_weight of shape {weight_shape} for logits of shape {z_shape}", shapes)


def _refuse(what: str, shapes: dict[str, tuple[int, ...]]) -> NoReturn:
    expected = " or ".join(f"{shape} ({meaning})" for meaning, shape in shapes.items())
    raise ValueError(f"{what}: expected {expected}")


def check_kinds(
    name: str, function: LossFunction, z_shape: tuple[int, ...], t: Any, weight: Any
) -> None:
    """Raise TypeError unless labels are integers or booleans, and everything else real numbers."""
    labels = takes_labels(function, z_shape, t.shape)
    if np.dtype(t.dtype).kind not in ("iub" if labels else "fiub"):
        expected = "class labels of an integer dtype" if labels else "targets that are real numbers"
        hint = "; convert them with t.astype(int)" if labels and t.dtype.kind == "f" else ""
        raise TypeError(f"{name} expects {expected}, got dtype {t.dtype}{hint}")
    if weight is not None and np.dtype(weight.dtype).kind not in "fiub":
        raise TypeError(f"sample_weight must be real numbers, got dtype {weight.dtype}")


def check_values(
    name: str,
    function: LossFunction,
    z_shape: tuple[int, ...],
    t: Any,
    weight: Any,
    ignore_index: int | None,
) -> None:
    """Raise ValueError for the first label, probability or weight that is out of range."""
    if isinstance(t, np.ndarray):
        if takes_labels(function, z_shape, t.shape):
            _check_labels(name, t, z_shape[-1], ignore_index)
        elif function.expects == "counts":
            _check_counts(name, t)
        elif function.expects != "values":
            _check_probabilities(name, t, distributions=function.expects == "classes")
    if isinstance(weight, np.ndarray):
        bad = ~((weight >= 0) & np.isfinite(weight))
        if bad.any():
            place, value = _first(weight, bad)
            raise ValueError(
                f"sample_weight {value} {place} must be finite and not negative in {weight.dtype}"
            )


def _check_labels(name: str, t: Any, classes: int, ignore_index: int | None) -> None:
    if t.size == 0 or (t.min() >= 0 and t.max() < classes):
        return
    bad = (t < 0) | (t >= classes)
    if ignore_index is not None:
        bad &= t != ignore_index
    if bad.any():
        place, value = _first(t, bad)
        ignored = "" if ignore_index is None else f" (or {ignore_index}, which is ignored)"
        raise ValueError(
            f"{name}: label {value} {place} is not a class; expected 0 to {classes - 1}{ignored}"
        )


def _check_counts(name: str, t: Any) -> None:
    bad = t < 0
    if bad.any():
        place, value = _first(t, bad)
        raise ValueError(f"{name}: target {value} {place} is negative; expected counts from 0 up")


def _check_probabilities(name: str, t: Any, *, distributions: bool) -> None:
    bad = (t < 0) | (t > 1)
    if bad.any():
        place, value = _first(t, bad)
        raise ValueError(f"{name}: target {value} {place} is not a probability; expected [0, 1]")
    if distributions:
        sums = t.sum(axis=-1, dtype=np.float64)
        bad = abs(sums - 1) > _SUM_TOLERANCE
        if bad.any():
            place, value = _first(sums, bad)
            raise ValueError(f"{name}: the probabilities {place} sum to {value:.6g}; expected 1")


def _first(x: Any, bad: Any) -> tuple[str, Any]:
    """Return where the first bad element stands, in words, and the element."""
    index = np.unravel_index(int(np.argmax(bad)), bad.shape)
    if not index:
        return "of the only row", x[()]
    columns = f", column {index[1]}" if len(index) == 2 else ""
    place = f"in row {index[0]}{columns}" if len(index) <= 2 else f"at {tuple(map(int, index))}"
    return place, x[index]
