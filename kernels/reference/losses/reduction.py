r"""From the losses of rows or elements to one number.

.. math::
    \text{mean} = \frac{\sum_i w_i l_i}{\sum_i w_i c_i}, \qquad \text{sum} = \sum_i w_i l_i, \qquad
    \text{none}_i = w_i l_i,

with weights of rows repeated over the elements of a row, and every weight w 1 where none are given.
Weights 2 and 1 thus give what a data set gives that holds the first row twice.  What a loss counts
as, c, is 1 too, unless it already holds a factor that its mean is to be free of: a class weight.
"""

from typing import Literal, TypeAlias

from ..typing import Array, Namespace

Reduction: TypeAlias = Literal["mean", "sum", "none"]
"""How the losses of rows or elements combine."""


def reduce(
    xp: Namespace,
    loss: Array,
    dz: Array,
    *,
    weight: Array | None,
    reduction: Reduction,
    counts: Array | None = None,
) -> tuple[Array, Array]:
    """Return the weighted reduction of `loss`, and `dz` scaled to be its gradient.

    Parameters
    ----------
    xp : Namespace
        The array namespace.
    loss : Array
        Losses, in the shape of `dz` or in ``dz.shape[:-1]``.
    dz : Array
        The gradient of each loss with respect to z.
    weight : Array or None
        Weights that are not negative, in the shape of `loss` or in ``dz.shape[:-1]``.  They may be
        wider than `loss`: their shares in a mean are computed in their own dtype.
    reduction : {"mean", "sum", "none"}
        How to combine the losses.
    counts : Array, optional
        What each loss counts as in the denominator of a mean, in the shape of `loss`.

    Returns
    -------
    loss : Array
        0-d for "mean" and "sum", the shape of `loss` for "none".
    dz : Array
        The scaled gradient.

    Notes
    -----
    What has weight 0 takes no part, so that a NaN there stays unseen.  A mean of total weight 0, as
    of an empty batch or of ignored rows alone, is 0 with gradient 0: such a batch teaches nothing.
    """
    if reduction == "mean":
        if weight is None and counts is None:
            # Divided before the sum, a mean stays finite where the sum of its terms would overflow.
            share = 1 / max(loss.size, 1)
            return xp.asarray(xp.sum(loss * share)), dz * share
        weight = _shares(xp, weight, counts, loss)
    if weight is not None:
        weight = xp.astype(weight, loss.dtype, copy=False)
        loss, dz = _weighted(xp, loss, weight), _weighted(xp, dz, weight)
    return (loss if reduction == "none" else xp.asarray(xp.sum(loss))), dz


def largest(xp: Namespace, weight: Array) -> Array:
    """Return the largest weight, 0-d, or 1 where there is none above 0.

    Divided by it, weights of any size neither overflow nor vanish when they are summed.
    """
    one = xp.ones((), dtype=weight.dtype)
    if weight.size == 0:
        return one
    top = xp.max(weight)
    return xp.where(top > 0, top, one)


def _shares(xp: Namespace, weight: Array | None, counts: Array | None, loss: Array) -> Array:
    """Return w / Σ w c, the sum over the elements of `loss`; zeros if it is 0."""
    weight = xp.ones_like(counts) if weight is None else weight / largest(xp, weight)
    repeats = loss.shape[-1] if weight.ndim < loss.ndim else 1
    total = xp.sum(weight if counts is None else weight * counts) * repeats
    return weight / xp.where(total == 0, xp.asarray(xp.inf, dtype=total.dtype), total)


def _weighted(xp: Namespace, x: Array, weight: Array) -> Array:
    """Return x * weight, and 0 where the weight is 0; weights of rows repeat over the last axis."""
    if weight.ndim < x.ndim:
        weight = weight[..., None]
    # Masked before it is multiplied, a large array is held twice and not three times.
    return xp.where(weight == 0, xp.zeros((), dtype=x.dtype), x) * weight
