"""Divide labelled rows into a training and a test part, the same way on every machine."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["stratified_split"]


def stratified_split(
    t: ArrayLike, test_fraction: float = 0.2, *, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw a test part in which every class has its share.

    The test part has ``round(test_fraction * n)`` rows.  Class c gets the whole part of
    ``test_fraction * n_c`` of them; the rows still missing go to the classes with the largest
    remainders (Hamilton's method), the lower class first among equals.

    Parameters
    ----------
    t : array_like, shape (n,)
        One label a row.
    test_fraction : float
        The part of the rows to hold out, between 0 and 1, both excluded.
    seed : int
        Which rows are drawn.  The same seed gives the same rows with every NumPy: only the raw
        Philox stream is used, which NumPy promises never to change (NEP 19).

    Returns
    -------
    train, test : ndarray of int64
        Row numbers, each part in a random order of its own; together every row once.

    Raises
    ------
    ValueError
        If `t` is not one-dimensional, if `test_fraction` is out of range, or if one of the two
        parts would be empty.
    """
    labels = np.asarray(t)
    if labels.ndim != 1:
        raise ValueError(f"t must have the shape (n,), one label a row; it has {labels.shape}")
    if not 0.0 < test_fraction < 1.0:
        raise ValueError(f"test_fraction must lie between 0 and 1; it is {test_fraction}")
    n = labels.size
    size = round(test_fraction * n)
    if not 0 < size < n:
        raise ValueError(
            f"test_fraction={test_fraction} of {n} rows puts {size} in the test part and "
            f"{n - size} in the training part; both need at least one"
        )

    # Sorting by random keys is a uniform shuffle; `Generator.permutation` may change between
    # releases of NumPy, the bits of Philox may not.
    shuffled = np.argsort(np.random.Philox(seed).random_raw(n), kind="stable")
    _, class_of, counts = np.unique(labels[shuffled], return_inverse=True, return_counts=True)
    quota = _hamilton(counts, size)

    # A row's rank among the shuffled rows of its own class: the first `quota` are drawn.
    grouped = np.argsort(class_of, kind="stable")
    rank = np.empty(n, dtype=np.int64)
    rank[grouped] = np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)
    drawn = rank < quota[class_of]
    return shuffled[~drawn], shuffled[drawn]


def _hamilton(counts: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Apportion `size` seats to classes of `counts` members, in whole numbers throughout."""
    n = int(counts.sum())
    whole, remainder = np.divmod(counts * size, n)
    missing = size - int(whole.sum())
    whole[np.argsort(-remainder, kind="stable")[:missing]] += 1
    return whole
