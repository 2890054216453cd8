r"""From the losses of rows or elements to one number.

.. math::
    \text{mean} = \frac{\sum_i w_i l_i}{\sum_i w_i}, \qquad \text{sum} = \sum_i w_i l_i, \qquad
    \text{none}_i = w_i l_i,

with weights of rows repeated over the elements of a row, and every weight 1 where none are given.
Weights 2 and 1 thus give what a data set gives that holds the first row twice.
"""

from typing import Literal, TypeAlias

from ..typing import Array, Namespace

Reduction: TypeAlias = Literal["mean", "sum", "none"]
"""How the losses of rows or elements combine."""


def reduce(
    xp: Namespace, loss: Array, dz: Array, *, weight: Array | None, reduction: Reduction
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
        Weights that are not negative, in the shape of `loss` or in ``dz.shape[:-1]``.
    reduction : {"mean", "sum", "none"}
        How to combine the losses.

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
    if weight is not None:
        if reduction == "mean":
            weight = _shares(xp, weight, loss)
        loss, dz = _weighted(xp, loss, weight), _weighted(xp, dz, weight)
    elif reduction == "mean":
        # Divided before the sum, a mean stays finite where the sum of its terms would overflow.
        share = 1 / max(loss.size, 1)
        loss, dz = loss * share, dz * share
    return (loss if reduction == "none" else xp.asarray(xp.sum(loss))), dz


def _shares(xp: Namespace, weight: Array, loss: Array) -> Array:
    """Return the weights divided by their total over the elements of `loss`; zeros if it is 0."""
    repeats = loss.shape[-1] if weight.ndim < loss.ndim else 1
    total = xp.sum(weight) * repeats
    return weight / xp.where(total == 0, xp.ones_like(total), total)


def _weighted(xp: Namespace, x: Array, weight: Array) -> Array:
    """Return x * weight, and 0 where the weight is 0; weights of rows repeat over the last axis."""
    if weight.ndim < x.ndim:
        weight = weight[..., None]
    return xp.where(weight == 0, xp.zeros_like(x), x * weight)
