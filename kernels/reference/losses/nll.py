r"""The negative log-likelihood of a label under log-probabilities.

With the weight w of each class, 1 unless given,

.. math::
    l = -w_t z_t, \qquad dz_k = -[k = t]\, w_t

With z = log_softmax(logits) it is the cross-entropy of the logits
(I. Goodfellow, Y. Bengio and A. Courville, "Deep Learning" (2016), section 5.5).
"""

from ..typing import Array, Namespace
from .function import LossFunction
from .labels import blank, hits, located


def nll(
    xp: Namespace, z: Array, t: Array, *, class_weight: Array | None = None
) -> tuple[Array, Array]:
    """Return l, shape ``z.shape[:-1]``, and dz for log-probabilities `z` and integer labels `t`.

    Parameters
    ----------
    xp : Namespace
        The array namespace.
    z : Array, shape (..., classes)
        Log-probabilities.
    t : Array
        Integer labels of shape ``z.shape[:-1]``.  One outside [0, classes) makes l and dz of its
        row NaN.
    class_weight : Array, shape (classes,), optional
        The w of the formula, in the dtype of `z`.

    Returns
    -------
    l, dz : Array
        The loss of each row and its gradient.
    """
    index, known = located(xp, t, z.shape[-1])
    z_t = xp.take_along_axis(z, index, axis=-1)
    w = blank(xp, xp.ones_like(z_t) if class_weight is None else class_weight[index], known)
    # A label of weight 0 costs nothing, also where its log-probability is -inf.
    loss = xp.where(w == 0, w, -w * z_t)
    # 0 w is 0, but NaN throughout the row of a label that is no class.
    dz = xp.where(hits(xp, index, z.shape[-1]), -w, 0 * w)
    return loss[..., 0], dz


NLL = LossFunction(nll, expects="classes", per_row=True)
