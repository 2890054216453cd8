"""Class labels as distributions and as weights of rows."""

from ..typing import Array, Namespace


def one_hot(xp: Namespace, t: Array, like: Array) -> Array:
    """Return for each label that row of the identity matrix, in the shape and dtype of `like`.

    A label outside [0, classes) gives a row of NaN: no device must wait for the host to find it.
    """
    classes = like.shape[-1]
    t = xp.astype(t, xp.int64)[..., None]
    rows = xp.astype(t == xp.arange(classes, dtype=xp.int64), like.dtype)
    return xp.where((t >= 0) & (t < classes), rows, xp.full_like(rows, xp.nan))


def row_weights(
    xp: Namespace, z: Array, t: Array, *, class_weight: Array | None, ignore_index: int | None
) -> Array:
    r"""Return the weight of each row of `z`, shape ``z.shape[:-1]``.

    The weight of a row is that of its class, and for a distribution over the classes the mean
    :math:`\sum_c t_c\, w_c`.  The label `ignore_index`, which need not be a class, has weight 0.
    """
    soft = t.ndim == z.ndim
    weight = xp.ones(z.shape[:-1], dtype=z.dtype)
    if class_weight is not None:
        q = t if soft else one_hot(xp, t, z)
        weight = xp.sum(q * class_weight, axis=-1)
    if ignore_index is not None and not soft:
        ignored = xp.astype(t, xp.int64) == ignore_index
        weight = xp.where(ignored, xp.zeros_like(weight), weight)
    return weight
