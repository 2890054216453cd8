r"""The cross-entropy of softmax(z) against a class label or a distribution over classes.

With the target distribution q, one-hot for a label, and smoothing ε over K classes,

.. math::
    q'_k = (1-ε)\, q_k + ε/K, \qquad l = -\sum_k q'_k \log \operatorname{softmax}(z)_k, \qquad
    dz = \operatorname{softmax}(z) \sum_k q'_k - q'

(I. Goodfellow, Y. Bengio and A. Courville, "Deep Learning" (2016), section 6.2.2.3; the smoothing
from C. Szegedy et al., "Rethinking the Inception architecture for computer vision",
arXiv:1512.00567, section 7).
"""

from ..softmax import log_softmax
from ..typing import Array, Namespace
from .function import LossFunction
from .labels import one_hot


def cross_entropy(
    xp: Namespace, z: Array, t: Array, *, label_smoothing: float = 0.0
) -> tuple[Array, Array]:
    """Return l, shape ``z.shape[:-1]``, and dz for logits `z`, shape (..., classes).

    Parameters
    ----------
    xp : Namespace
        The array namespace.
    z : Array, shape (..., classes)
        Logits.
    t : Array
        Integer labels of shape ``z.shape[:-1]``, or distributions in the shape and dtype of `z`.
        A label outside [0, classes) makes l and dz of its row NaN.
    label_smoothing : float, default 0.0
        The ε of the formula, in [0, 1].

    Returns
    -------
    l, dz : Array
        The loss of each row and its gradient.
    """
    soft = t.ndim == z.ndim
    q = t if soft else one_hot(xp, t, z)
    if label_smoothing:
        q = (1 - label_smoothing) * q + label_smoothing / z.shape[-1]
    log_p = log_softmax(xp, z)
    # A class of probability 0 contributes 0, also where its logarithm overflows to -inf.
    terms = xp.where(q == 0, xp.zeros_like(z), -q * log_p)
    p = xp.exp(log_p)  # p |log p| <= 1/e, so the rounding of log p adds no more than eps/e to p
    if soft:  # a one-hot q sums to one by itself
        p = p * xp.sum(q, axis=-1, keepdims=True)
    return xp.sum(terms, axis=-1), p - q


CROSS_ENTROPY = LossFunction(
    cross_entropy,
    expects="classes",
    per_row=True,
    soft_labels=True,
    defaults={"label_smoothing": 0.0},
)
