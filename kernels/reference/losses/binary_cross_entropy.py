r"""The cross-entropy of sigmoid(z) against the probability t of the positive class.

With softplus(z) = max(z, 0) + log1p(exp(-\|z\|)) and the weight p of the positive class,

.. math::
    l = p\,t \operatorname{softplus}(-z) + (1-t) \operatorname{softplus}(z), \qquad
    dz = (1-t)\, σ(z) - p\,t\, σ(-z)

(I. Goodfellow, Y. Bengio and A. Courville, "Deep Learning" (2016), section 6.2.2.2).  For p = 1 the
loss equals max(z, 0) - z t + log1p(exp(-\|z\|)); written as above no term is negative for t in
[0, 1], so nothing cancels.
"""

from ..typing import Array, Namespace
from .function import LossFunction


def binary_cross_entropy(
    xp: Namespace, z: Array, t: Array, *, pos_weight: Array | float = 1.0
) -> tuple[Array, Array]:
    """Return l and dz, both in the shape of `z`.

    Parameters
    ----------
    xp : Namespace
        The array namespace.
    z : Array
        Logits.
    t : Array
        Probabilities of the positive class, in the shape and dtype of `z`.
    pos_weight : float or Array, shape (features,), default 1.0
        The p of the formula, in the dtype of `z`.

    Returns
    -------
    l, dz : Array
        The loss of each element and its gradient.
    """
    distance = xp.abs(z)
    e = xp.exp(-distance)
    above = z >= 0
    positive, negative = pos_weight * t, 1 - t
    against = xp.where(above, negative, positive)  # what is lost on z by |z|
    # An answer that nothing stands against costs nothing by its distance, also an infinite one.
    by_distance = xp.where(against == 0, against, against * distance)
    loss = by_distance + (positive + negative) * xp.log1p(e)
    larger, smaller = 1 / (1 + e), e / (1 + e)  # sigmoid at |z| and at -|z|
    dz = negative * xp.where(above, larger, smaller) - positive * xp.where(above, smaller, larger)
    return loss, dz


BINARY_CROSS_ENTROPY = LossFunction(
    binary_cross_entropy, expects="probabilities", defaults={"pos_weight": 1.0}
)
