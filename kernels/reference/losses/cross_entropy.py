r"""The cross-entropy of softmax(z) against a class label or a distribution over classes.

With the target distribution q, one-hot for a label, smoothing ε over K classes, and the weight w of
each class, 1 unless given,

.. math::
    r_k = w_k \left((1-ε)\, q_k + ε/K\right), \qquad
    l = -\sum_k r_k \log \operatorname{softmax}(z)_k, \qquad
    dz = \operatorname{softmax}(z) \sum_k r_k - r

(I. Goodfellow, Y. Bengio and A. Courville, "Deep Learning" (2016), section 6.2.2.3; the smoothing
from C. Szegedy et al., "Rethinking the Inception architecture for computer vision",
arXiv:1512.00567, section 7; each class term weighted by itself as in PyTorch's CrossEntropyLoss,
https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html).

With m = max z and s = Σ exp(z - m), -log softmax(z)ₖ = (m - zₖ) + log s: neither term is negative,
so nothing cancels.
"""

from ..typing import Array, Namespace
from .function import LossFunction
from .labels import Labels, blank, hits, located


def cross_entropy(
    xp: Namespace,
    z: Array,
    t: Array,
    *,
    label_smoothing: float = 0.0,
    class_weight: Array | None = None,
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
    class_weight : Array, shape (classes,), optional
        The w of the formula, in the dtype of `z`.

    Returns
    -------
    l, dz : Array
        The loss of each row and its gradient.
    """
    m = xp.max(z, axis=-1, keepdims=True)
    p = xp.exp(z - m)
    s = xp.sum(p, axis=-1, keepdims=True)
    labels = None if t.ndim == z.ndim else located(xp, t, z.shape[-1])
    if labels is not None:
        s = blank(xp, s, labels.known)  # and with it l and p of the row
    p /= s
    if labels is not None and not label_smoothing:  # no array of r: K may be large
        loss = (m - xp.take_along_axis(z, labels.index, axis=-1)) + xp.log(s)
        p -= xp.astype(hits(xp, labels.index, z.shape[-1]), z.dtype)
        if class_weight is not None:
            w = blank(xp, class_weight[labels.index], labels.known)
            loss = xp.where(w == 0, w, w * loss)
            p *= w
        return loss[..., 0], p

    r = _term_weights(xp, z, t, labels, label_smoothing)
    if class_weight is not None:
        r = r * class_weight
    total = xp.sum(r, axis=-1, keepdims=True)
    loss = _mean_distance(xp, z, m, r) + (total * xp.log(s))[..., 0]
    p *= total
    p -= r
    return loss, p


def _term_weights(
    xp: Namespace, z: Array, t: Array, labels: Labels | None, label_smoothing: float
) -> Array:
    """Return (1 - ε) q + ε / K in the shape of `z`."""
    rest = label_smoothing / z.shape[-1]
    if labels is None:
        return (1 - label_smoothing) * t + rest if label_smoothing else t
    hit, other = (xp.asarray(q, dtype=z.dtype) for q in (1 - label_smoothing + rest, rest))
    return xp.where(hits(xp, labels.index, z.shape[-1]), hit, other)


def _mean_distance(xp: Namespace, z: Array, m: Array, r: Array) -> Array:
    """Return Σ r (m - z), where a class of weight 0 contributes 0, also one whose logit is -inf."""
    # Halves, since m - z may overflow where its product with a small r does not.
    d = 0.5 * m - 0.5 * z
    d *= r
    return 2 * xp.sum(xp.where(r == 0, xp.zeros((), dtype=z.dtype), d), axis=-1)


CROSS_ENTROPY = LossFunction(
    cross_entropy,
    expects="classes",
    per_row=True,
    soft_labels=True,
    defaults={"label_smoothing": 0.0},
)
