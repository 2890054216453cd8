"""Class labels as places in a row: the index of each, and which index is no class."""

from typing import NamedTuple

from ..typing import Array, Namespace


class Labels(NamedTuple):
    """Labels t against rows of K classes.

    Attributes
    ----------
    index : Array, shape (..., 1)
        The label of each row, int64; 0 in place of one outside [0, K), which nothing may index.
    known : Array, shape (..., 1)
        Whether the label is a class.  A loss makes the other rows NaN: no device must wait for the
        host to find them.
    """

    index: Array
    known: Array


def located(xp: Namespace, t: Array, classes: int) -> Labels:
    """Return the integer labels `t`, shape (...), as places among `classes`."""
    t = xp.astype(t, xp.int64, copy=False)[..., None]
    known = (t >= 0) & (t < classes)
    return Labels(xp.where(known, t, xp.asarray(0, dtype=xp.int64)), known)


def hits(xp: Namespace, index: Array, classes: int) -> Array:
    """Return for each class whether it is that of the row: booleans, shape (..., classes)."""
    result: Array = index == xp.arange(classes, dtype=xp.int64)
    return result


def blank(xp: Namespace, x: Array, known: Array) -> Array:
    """Return `x`, shape (..., 1), with NaN where the label is not known."""
    return xp.where(known, x, xp.asarray(xp.nan, dtype=x.dtype))
