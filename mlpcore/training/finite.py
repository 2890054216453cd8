"""NaN and infinity in what training is given, found before any work."""

from typing import Any

import numpy as np

from mlpcore.backends.arrays import bring_in, kind_of
from mlpcore.nn.losses import Loss
from mlpcore.training.data import Data
from mlpcore.training.sources.order import Part

_CHUNK = 1 << 16
"""How many numbers are looked at one by one at a time, once there is something to find."""


def require_finite(data: Data, x: Any, t: Any, loss: Loss, part: Part | None = None) -> None:
    """Raise ValueError for the first number of inputs or targets that is NaN or infinite.

    Parameters
    ----------
    data : Data
        The rows as the model takes them.
    x, t : array
        What they were made of: it is looked at where the rows are on a GPU.  What came from a GPU
        is not looked at, since that would wait for it.
    loss : Loss
        The loss; one of a user's own may know what NaN in its targets means.
    part : slice or array of int, optional
        Where these rows lie in the arrays of the user, who is told the number of the row there.
    """
    _require("x", _on_host(data.x, x), part)
    if loss.custom is None:
        _require("t", _on_host(data.t, t), part)


def require_finite_targets(t: Any, loss: Loss) -> None:
    """Raise ValueError for the first target, in an array on the host, that is NaN or infinite."""
    if loss.custom is None:
        _require("t", t)


def _require(name: str, array: Any, part: Part | None = None) -> None:
    if array is not None and array.dtype.kind == "f" and not _sums_to_a_number(array):
        _refuse_first(name, array, part)


def _on_host(rows: Any, given: Any) -> Any:
    if isinstance(rows, np.ndarray):
        return rows
    kind = kind_of(given)
    return None if kind.on_gpu else bring_in(given, kind)


def _sums_to_a_number(array: Any) -> bool:
    """Return True if every number is finite, and sometimes False although it is.

    The sum of squares is NaN or infinite if one of its terms is, or if it is too large for its
    dtype.  BLAS takes it at the speed of memory, half the time of any other look at all numbers.
    """
    with np.errstate(all="ignore"):
        total = np.vdot(array, array) if array.flags.c_contiguous else array.sum()
    return bool(np.isfinite(total))


def _refuse_first(name: str, array: Any, part: Part | None) -> None:
    rows = array.reshape(-1, array.shape[-1]) if array.ndim > 1 else array.reshape(-1, 1)
    step = max(1, _CHUNK // max(rows.shape[1], 1))
    for start in range(0, len(rows), step):
        bad = ~np.isfinite(rows[start : start + step])
        if bad.any():
            row, column = divmod(int(bad.argmax()), rows.shape[1])
            row += start
            at = f"row {_number(row, part)}" + (f", column {column}" if array.ndim > 1 else "")
            raise ValueError(
                f"{name} has {rows[row, column]} in {at}, in {array.dtype}: numbers must be finite"
            )


def _number(row: int, part: Part | None) -> int:
    if part is None:
        return row
    return row + int(part.start) if isinstance(part, slice) else int(part[row])
