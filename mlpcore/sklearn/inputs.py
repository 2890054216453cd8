"""X as an estimator takes it: dense or sparse, and every number finite."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

CHUNK = 4096
"""How many sparse rows are made dense at a time where there is no other reason for a number."""

ACCEPTED = ("csr", "csc")
"""The sparse formats that scikit-learn's check leaves as they are."""


def in_dtype(X: Any, dtype: Any, name: str = "X") -> Any:
    """Return input or targets in the dtype of the model, every number finite; sparse ones as CSR.

    Parameters
    ----------
    X : ndarray or sparse matrix, shape (rows, features)
        Real numbers.
    dtype : dtype
        float32 or float64.
    name : str
        What to call it in an error.

    Raises
    ------
    ValueError
        If a number is NaN, infinite, or too large for `dtype`; the message says where.
    """
    if sparse.issparse(X):
        X = X.tocsr()
    with np.errstate(over="ignore", invalid="ignore"):
        found = X.astype(dtype, copy=False)
    numbers = found.data if sparse.issparse(found) else found
    if not _all_finite(numbers):
        _refuse(name, X, numbers, dtype)
    return found if sparse.issparse(found) else np.ascontiguousarray(found)


def _all_finite(array: Any) -> bool:
    # The sum is NaN or infinite if one number is; if it only overflows, a second look tells.
    with np.errstate(all="ignore"):
        return bool(np.isfinite(array.sum())) or bool(np.isfinite(array).all())


def _refuse(name: str, X: Any, numbers: Any, dtype: Any) -> None:
    at = int(np.argmin(np.isfinite(numbers)))
    if sparse.issparse(X):
        row = int(np.searchsorted(X.indptr, at, side="right")) - 1
        index: tuple[int, ...] = (row, int(X.indices[at]))
        value = X.data[at]
    else:
        index = tuple(int(i) for i in np.unravel_index(at, X.shape))
        value = X[index]
    if np.isfinite(value):
        raise ValueError(
            f"Input {name} contains {value:g} in {_place(index)}, which is too large for {dtype}: "
            "it would become infinity"
        )
    raise ValueError(
        f"Input {name} contains {_named(value)} in {_place(index)}; the network needs finite "
        "numbers, so impute or drop them first"
    )


def _named(value: Any) -> str:
    return "NaN" if np.isnan(value) else "infinity (inf)"


def _place(index: tuple[Any, ...]) -> str:
    names = ("row", "column")
    return ", ".join(f"{name} {int(i)}" for name, i in zip(names, index, strict=False))


def over_rows(function: Callable[[Any], Any], X: Any) -> Any:
    """Return `function` of the rows of X, all at once, or of a sparse matrix piece by piece."""
    if not sparse.issparse(X):
        return function(X)
    starts = range(0, X.shape[0], CHUNK)
    return np.concatenate([function(X[start : start + CHUNK].toarray()) for start in starts])
